/* crc32c.h - CRC-32C (Castagnoli, as iSCSI, ext4 and SSE4.2 have it).
 *
 * Runs on: any thread; the fastest way that this machine has is chosen at program start.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 to begin) over `len` bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same without special instructions; for machines without them, and to test the others. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t len);

#endif
