/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nobody: what is written is gone, nothing ever comes. */
#include "chardev/chardev_priv.h"

static bool null_open(Chardev *c, KeyVals *kv, GError **error)
{
    return true;
}

const ChrDriver chr_null_driver = {
    .name = "null",
    .doc = "nobody: output is dropped",
    .open = null_open,
};
