import type { DocumentId, UploadId } from '../../domain/ids.ts';

/** Everything of a document lies below this key, so that one removal takes it all. */
export const documentKey = (id: DocumentId): string => `documents/${id}`;
export const originalKey = (id: DocumentId, version: number): string => `documents/${id}/${version}/original`;
export const textKey = (id: DocumentId, version: number): string => `documents/${id}/${version}/text`;
/** What the loader found beside the text: title, pages, headings, blocks. */
export const structureKey = (id: DocumentId, version: number): string =>
  `documents/${id}/${version}/structure`;
/** Bytes of a submission whose document and version are not settled yet; `id` is the submission's proposal. */
export const stagingKey = (id: DocumentId): string => `staging/${id}`;
/** Everything of a resumable upload that is not whole yet. */
export const partsKey = (id: UploadId): string => `upload-parts/${id}`;
export const partKey = (id: UploadId, part: UploadId): string => `${partsKey(id)}/${part}`;
export const uploadKey = (id: UploadId): string => `uploads/${id}`;
