/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text console of the display. Without a display nobody looks at it. */
#include "chardev/chardev_priv.h"
#include "core/error.h"

#define VC_SIDE_MAX 16384

static bool vc_open(Chardev *c, KeyVals *kv, GError **error)
{
    static const char *const sides[] = {"cols", "rows", "width", "height"};

    for (unsigned i = 0; i < G_N_ELEMENTS(sides); i++) {
        uint64_t n = 1;

        if (!keyvals_take_u64(kv, sides[i], VC_SIDE_MAX, &n, error)) {
            return fail_prefix(error, "vc");
        }
        if (n == 0) {
            return fail(error, "vc: %s=0: expected at least 1", sides[i]);
        }
    }
    return true;
}

static const ChrOption vc_options[] = {
    {"cols", "N", "width in characters"},
    {"rows", "N", "height in characters"},
    {"width", "N", "width in pixels"},
    {"height", "N", "height in pixels"},
    {NULL},
};

const ChrDriver chr_vc_driver = {
    .name = "vc",
    .doc = "a text console; without a display nobody looks at it",
    .options = vc_options,
    .open = vc_open,
};
