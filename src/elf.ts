/** Linux maps a file that was cut off as if it were whole. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 64;
/** Its first bytes in a 64-bit little-endian file, which all are that we publish. */
const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);

/**
 * Whether an ELF file ends before its table of sections, which linkers write last: a disk that was full or an installation
 * that was broken off leaves such files. To load one ends the process with SIGBUS, where Windows and macOS say what is wrong.
 *
 * @throws where the file cannot be read
 */
export function isCutOff(file: string): boolean {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    const isElf = readSync(descriptor, header) === HEADER_BYTES && header.indexOf(MAGIC) === 0;
    // e_shoff, e_shentsize, e_shnum
    const end = Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60);
    return isElf && fstatSync(descriptor).size < end;
  } finally {
    closeSync(descriptor);
  }
}
