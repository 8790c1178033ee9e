import { isSupportedMediaType, MEDIA_TYPES, resolveMediaType } from '../../domain/media-type.ts';
import type { ZipArchive } from './zip-archive.ts';

/** Folders, hidden files and what macOS adds. */
const NOT_OF_THE_USER = /\/$|(?:^|\/)(?:\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/;

/** The files of an archive that can be read as documents, by name; archives within are not opened. */
export function readableFiles(archive: ZipArchive): { readonly name: string; readonly mediaType: string }[] {
  return archive.entries
    .map(({ name }) => ({ name, mediaType: resolveMediaType('', name) }))
    .filter(({ name, mediaType }) => {
      return !NOT_OF_THE_USER.test(name) && mediaType !== MEDIA_TYPES.zip && isSupportedMediaType(mediaType);
    })
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}
