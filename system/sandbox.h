/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -sandbox: system calls this process gives up for good (seccomp(2)). */
#ifndef SYSTEM_SANDBOX_H
#define SYSTEM_SANDBOX_H

#include "core/types.h"

typedef struct SandboxOptions {
    bool on;
    bool deny_obsolete;
    bool deny_elevate; /* changing users; no new privileges in any case */
    bool deny_spawn;   /* new processes and programs */
    bool deny_control; /* priorities and processors */
} SandboxOptions;

/** sandbox_enter() - for all threads there are and will be */
bool sandbox_enter(const SandboxOptions *o, GError **error);

#endif
