/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A seccomp filter in classic BPF: seccomp(2), Linux 3.17 and later. */
#include "system/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/error.h"

#if defined(__x86_64__)
#define SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define SANDBOX_ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef SANDBOX_ARCH

/* x32 calls have numbers of their own. */
#define X32_BIT 0x40000000u
#define CLONE_THREAD_BIT 0x00010000u
#define DENIED (SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA))

/* clang-format off */
/* What no emulator needs: the host's own running. Always denied. */
static const int calls_always[] = {
    __NR_reboot, __NR_swapon, __NR_swapoff, __NR_mount, __NR_umount2,
    __NR_pivot_root, __NR_kexec_load, __NR_init_module, __NR_finit_module,
    __NR_delete_module, __NR_syslog, __NR_quotactl, __NR_acct, __NR_ptrace,
    __NR_process_vm_readv, __NR_process_vm_writev, __NR_settimeofday,
    __NR_clock_settime, __NR_adjtimex, __NR_clock_adjtime, __NR_bpf,
    __NR_perf_event_open, __NR_userfaultfd, __NR_setns, __NR_unshare,
    __NR_add_key, __NR_request_key, __NR_keyctl, __NR_nfsservctl,
    __NR_lookup_dcookie, __NR_vhangup, __NR_sethostname, __NR_setdomainname,
#ifdef __NR_kexec_file_load
    __NR_kexec_file_load,
#endif
#ifdef __NR_ioperm
    __NR_ioperm, __NR_iopl,
#endif
};
static const int calls_obsolete[] = {
    __NR_remap_file_pages,
#ifdef __NR_uselib
    __NR_uselib, __NR_ustat, __NR_sysfs, __NR__sysctl, __NR_create_module,
    __NR_get_kernel_syms, __NR_query_module, __NR_getpmsg, __NR_putpmsg,
    __NR_afs_syscall, __NR_tuxcall, __NR_security, __NR_modify_ldt,
#endif
};
static const int calls_elevate[] = {
    __NR_setuid, __NR_setgid, __NR_setreuid, __NR_setregid, __NR_setresuid,
    __NR_setresgid, __NR_setfsuid, __NR_setfsgid, __NR_setgroups, __NR_setsid,
    __NR_setpgid, __NR_capset,
};
static const int calls_spawn[] = {
    __NR_execve, __NR_execveat,
#ifdef __NR_fork
    __NR_fork, __NR_vfork,
#endif
};
static const int calls_control[] = {
    __NR_setpriority, __NR_sched_setparam, __NR_sched_setscheduler,
    __NR_sched_setaffinity, __NR_sched_setattr, __NR_ioprio_set,
    __NR_set_mempolicy, __NR_mbind, __NR_migrate_pages, __NR_move_pages,
};
/* clang-format on */

static void emit(GArray *code, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
    struct sock_filter f = {.code = op, .jt = jt, .jf = jf, .k = k};

    g_array_append_val(code, f);
}

static void emit_load(GArray *code, size_t offset)
{
    emit(code, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The number of the call is in the accumulator. */
static void emit_deny(GArray *code, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        emit(code, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
        emit(code, BPF_RET | BPF_K, DENIED, 0, 0);
    }
}

/* clone() makes threads only; clone3() hides its flags in memory: it does not
 * exist, and the C library goes back to clone(). */
static void emit_threads_only(GArray *code)
{
#ifdef __NR_clone3
    emit(code, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1);
    emit(code, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA),
         0, 0);
#endif
    emit(code, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 4);
    emit_load(code, offsetof(struct seccomp_data, args[0]));
    emit(code, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD_BIT, 1, 0);
    emit(code, BPF_RET | BPF_K, DENIED, 0, 0);
    emit(code, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static GArray *sandbox_code(const SandboxOptions *o)
{
    GArray *code = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));

    emit_load(code, offsetof(struct seccomp_data, arch));
    emit(code, BPF_JMP | BPF_JEQ | BPF_K, SANDBOX_ARCH, 1, 0);
    emit(code, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
    emit_load(code, offsetof(struct seccomp_data, nr));
    emit(code, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    emit(code, BPF_RET | BPF_K, DENIED, 0, 0);
    emit_deny(code, calls_always, G_N_ELEMENTS(calls_always));
    if (o->deny_obsolete) {
        emit_deny(code, calls_obsolete, G_N_ELEMENTS(calls_obsolete));
    }
    if (o->deny_elevate) {
        emit_deny(code, calls_elevate, G_N_ELEMENTS(calls_elevate));
    }
    if (o->deny_control) {
        emit_deny(code, calls_control, G_N_ELEMENTS(calls_control));
    }
    if (o->deny_spawn) {
        emit_deny(code, calls_spawn, G_N_ELEMENTS(calls_spawn));
        emit_threads_only(code);
    }
    emit(code, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    return code;
}

bool sandbox_enter(const SandboxOptions *o, GError **error)
{
    g_autoptr(GArray) code = sandbox_code(o);
    struct sock_fprog program = {
        .len = (unsigned short)code->len,
        .filter = (struct sock_filter *)(void *)code->data,
    };

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
                   SECCOMP_FILTER_FLAG_TSYNC, &program)
               != 0) {
        return fail_errno(error, errno, "-sandbox: the kernel has no seccomp");
    }
    return true;
}

#else

bool sandbox_enter(const SandboxOptions *o, GError **error)
{
    return fail(error, "-sandbox: not on this kind of host yet");
}

#endif
