/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest writes, kept beside an image that stays as it is: an append-only
 * log of sectors in an unlinked file, and an index of which version of a sector
 * lies where. A position counts the sectors appended; reading at an older
 * position gives the older disk, so going back costs nothing. Appending again
 * what is there already changes nothing; anything else cuts what followed.
 */
#ifndef BLOCK_OVERLAY_PRIV_H
#define BLOCK_OVERLAY_PRIV_H

#include "core/error.h"

typedef struct Overlay Overlay;

typedef enum OverlayFrom {
    OVERLAY_LOG,
    OVERLAY_ZERO,
    OVERLAY_BASE,
    OVERLAY_UNDER, /* the log of another overlay below this one */
} OverlayFrom;

typedef struct OverlayPiece {
    OverlayFrom from;
    uint64_t at;    /* in the log or in the base, bytes */
    uint64_t bytes; /* the pieces follow one another */
} OverlayPiece;

Overlay *overlay_new(GError **error);
Overlay *overlay_ref(Overlay *o);
void overlay_unref(Overlay *o);
/** overlay_write() - whole sectors at byte @at of the disk; @data NULL: zeroes.
 *  Returns the position after it. When the host's disk is full the sectors stay
 *  in memory, and @full is set. */
uint64_t overlay_write(Overlay *o, uint64_t position, uint64_t at,
                       const void *data, uint64_t bytes, bool *full);
/** overlay_resolve() - where the bytes at @position are; OverlayPiece */
void overlay_resolve(Overlay *o, uint64_t position, uint64_t at, uint64_t bytes,
                     GArray *pieces);
/** overlay_fetch() - of a piece in the log; 0 or errno. Thread: any */
int overlay_fetch(Overlay *o, uint64_t at, void *buf, size_t bytes);
/** overlay_foreach() - the stretches of the disk that are not the base's at
 *  @position, ascending, at most 1 MiB each */
typedef void OverlayVisit(void *opaque, uint64_t at, uint64_t bytes);
void overlay_foreach(Overlay *o, uint64_t position, OverlayVisit *visit,
                     void *opaque);

#endif
