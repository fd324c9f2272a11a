/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes of the machine's parts. */
#ifndef REPLAY_DIGEST_PRIV_H
#define REPLAY_DIGEST_PRIV_H

#include "replay/log_file.h"

#define DIGEST_RANGES 32

typedef struct Digest Digest;
Digest *digest_new(Vm *vm);
void digest_free(Digest *d);
/** digest_begin() - the machine is complete: start to track its RAM */
void digest_begin(Digest *d);
/** digest_parts() - names, owned by the array, in the order of hashes */
GPtrArray *digest_parts(const Digest *d);
/** digest_take() - of the machine now; @full: rows, and the pages that changed
 *  since the last full one */
void digest_take(Digest *d, bool full, LogDigest *out);
void digest_output(Digest *d, const void *buf, size_t size);
/** digest_output_hash()/digest_rewind() - what is not found in the machine; RAM
 *  that changes on the way back is told by ram_rewind() */
uint64_t digest_output_hash(const Digest *d);
void digest_rewind(Digest *d, uint64_t output_hash);
/** digest_page() - hash of a page as of the last digest_take() */
uint64_t digest_page(const Digest *d, RamPage page);
/** digest_describe() - a part in words, for the report */
char *digest_describe(const Digest *d, const char *part);
/** digest_range_of() - pages [@first, @end) when @part is a range of RAM */
bool digest_range_of(const Digest *d, const char *part, RamPage *first,
                     RamPage *end);

#endif
