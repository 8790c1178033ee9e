import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FetchError } from './fetch-error.ts';

const run = promisify(execFile);

const PYTHONS = ['python3', 'python', 'py'];
const DOWNLOAD_TIMEOUT_MS = 15 * 60_000;
const OTHER_TIMEOUT_MS = 60_000;
/** Of pip's complaints, which come last. */
const COMPLAINT_LENGTH_MAX = 300;

/** One file of the Python package index, pinned. */
export interface PinnedWheel {
  readonly name: string;
  readonly version: string;
  readonly fileName: string;
  readonly sha256: string;
}

/**
 * Python's own installer downloads and checks the hash, from whichever index it is configured for; Python unpacks.
 * Throws FetchError.
 */
export class PackageIndex {
  readonly #python: string;

  private constructor(python: string) {
    this.#python = python;
  }

  static async find(signal: AbortSignal): Promise<PackageIndex> {
    for (const python of PYTHONS) {
      const works = run(python, ['-m', 'pip', '--version'], { signal, timeout: OTHER_TIMEOUT_MS });
      const found = await works.then(
        () => true,
        () => false,
      );
      signal.throwIfAborted();
      if (found) return new PackageIndex(python);
    }
    throw new FetchError('this needs Python 3 with pip, and neither python3 nor python has it');
  }

  /** Puts the wheel into the folder and returns its path. */
  async download(wheel: PinnedWheel, folder: string, signal: AbortSignal): Promise<string> {
    const requirements = join(folder, 'requirements.txt');
    await writeFile(requirements, `${wheel.name}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
    const options = ['--no-deps', '--no-input', '--quiet', '--disable-pip-version-check', '--no-cache-dir'];
    const args = [
      '-m',
      'pip',
      'download',
      ...options,
      '--require-hashes',
      '--dest',
      folder,
      '-r',
      requirements,
    ];
    await this.#run(args, signal, DOWNLOAD_TIMEOUT_MS);
    return join(folder, wheel.fileName);
  }

  /** A wheel is a ZIP archive. */
  async unpack(archive: string, folder: string, signal: AbortSignal): Promise<void> {
    await this.#run(['-m', 'zipfile', '-e', archive, folder], signal, OTHER_TIMEOUT_MS);
  }

  async #run(args: readonly string[], signal: AbortSignal, timeoutMs: number): Promise<void> {
    try {
      await run(this.#python, [...args], { signal, timeout: timeoutMs });
    } catch (error) {
      signal.throwIfAborted();
      const said =
        typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr) : '';
      const complaint = said.trim().slice(-COMPLAINT_LENGTH_MAX) || `no answer within ${timeoutMs} ms`;
      throw new FetchError(`${this.#python} ${args.slice(0, 3).join(' ')} failed: ${complaint}`);
    }
  }
}
