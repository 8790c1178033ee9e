import type { ModelDescription } from './model-description.ts';

export type ProcessRequest =
  | {
      readonly kind: 'load';
      readonly model: ModelDescription;
      /** Of ONNX Runtime inside; 0: as many as there are cores. */
      readonly threadCount: number;
    }
  | { readonly kind: 'embed'; readonly texts: readonly string[] };

export type ProcessReply =
  | { readonly kind: 'ready' }
  /** The model cannot be loaded. `absent`: because the library is not installed. */
  | { readonly kind: 'unusable'; readonly absent: boolean; readonly message: string }
  | { readonly kind: 'vectors'; readonly values: Float32Array }
  | { readonly kind: 'failure'; readonly message: string };
