import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeModel } from '../../../src/adapters/local/model-description.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'multidb-model-'));
  folder = join(root, 'tiny');
});
afterEach(() => rm(root, { recursive: true }));

const described = async (files: Readonly<Record<string, unknown>>) => {
  await writeTinyModel(folder, files);
  return describeModel(folder);
};

describe('a model folder', () => {
  it('says dimensions, token limit and pooling', async () => {
    expect(await described({})).toMatchObject({
      dimensions: 8,
      tokenCountMax: 16,
      pooling: 'mean',
      prefixes: { query: '', document: '' },
      graph: { path: join('onnx', 'model.onnx'), dtype: 'fp32' },
    });
  });

  it('takes the smallest of the limits that its files name', async () => {
    const none = { 'sentence_bert_config.json': undefined };
    expect((await described(none)).tokenCountMax).toBe(16 * 2);
    const short = { ...none, 'tokenizer_config.json': { model_max_length: 20 } };
    expect((await described(short)).tokenCountMax).toBe(20);
  });

  it('averages where no pooling is named', async () => {
    expect((await described({ 'modules.json': undefined, '1_Pooling/config.json': undefined })).pooling).toBe(
      'mean',
    );
  });

  it.each([
    [{ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, 'cls'],
    [{ pooling_mode_max_tokens: true }, 'max'],
    [{ pooling_mode_lasttoken: true }, 'lasttoken'],
    [{ pooling_mode_mean_sqrt_len_tokens: true }, 'mean'],
    [{ pooling_mode: 'cls' }, 'cls'],
  ])('reads the pooling %j', async (pooling, mode) => {
    expect((await described({ '1_Pooling/config.json': pooling })).pooling).toBe(mode);
  });

  it('takes its prefixes from its own prompts', async () => {
    const prompts = { prompts: { query: 'q: ', passage: 'p: ' } };
    const { prefixes } = await described({ 'config_sentence_transformers.json': prompts });
    expect(prefixes).toEqual({ query: 'q: ', document: 'p: ' });
  });

  it('knows the prefixes of families that name none', async () => {
    folder = join(root, 'multilingual-e5-small');
    expect((await described({})).prefixes).toEqual({ query: 'query: ', document: 'passage: ' });
  });

  it('tells models of different rules apart', async () => {
    const one = await described({});
    const other = await described({ '1_Pooling/config.json': { pooling_mode_cls_token: true } });
    expect(other.fingerprint).not.toBe(one.fingerprint);
    expect((await describeModel(folder)).fingerprint).toBe(other.fingerprint);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ 'onnx/model.onnx': undefined }, /has no ONNX graph/],
    [{ 'config.json': undefined }, /has no config\.json/],
    [{ 'tokenizer_config.json': undefined }, /has no tokenizer_config\.json/],
    [{ 'config.json': Buffer.from('{') }, /config\.json is not what/],
    [
      { 'modules.json': [{ type: 'sentence_transformers.models.Dense', path: '2_Dense' }] },
      /the module Dense, which is not supported/,
    ],
    [
      { '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_mean_tokens: true } },
      /pools in a way that is not supported/,
    ],
  ])('without what it needs is refused: %#', async (files, message) => {
    await expect(described(files)).rejects.toThrow(message);
  });

  it('that is not there is refused', async () => {
    await expect(describeModel(join(root, 'gone'))).rejects.toThrow(/is not a folder/);
  });
});
