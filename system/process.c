/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -daemonize, -pidfile, -chroot, -runas, -overcommit, -name process=. */
#include "system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/keyval.h"

#define PID_FILE_MODE 0644

/* --- the background --------------------------------------------------------------- */

/* The parent: the child says that it is ready, or ends and has said why. */
static int process_wait(int fd, pid_t child)
{
    char byte;
    ssize_t n;
    int status = 0;

    do {
        n = read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    close(fd);
    if (n == 1) {
        return 0;
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
}

static bool process_fork(Process *p, GError **error)
{
    int fds[2];
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) != 0 || (child = fork()) < 0) {
        return fail_errno(error, errno, "-daemonize");
    }
    if (child > 0) {
        close(fds[1]);
        p->is_parent = true;
        p->status = process_wait(fds[0], child);
        return true;
    }
    close(fds[0]);
    p->ready_fd = fds[1];
    if (setsid() < 0) {
        return fail_errno(error, errno, "-daemonize");
    }
    umask(027);
    return true;
}

bool process_begin(Process *p, const Options *o, GError **error)
{
    *p = (Process){.ready_fd = -1, .pid_fd = -1};
    if (o->process_name && prctl(PR_SET_NAME, o->process_name, 0, 0, 0) != 0) {
        return fail_errno(error, errno, "-name process=%s", o->process_name);
    }
    return !o->daemonize || process_fork(p, error);
}

void process_ready(Process *p)
{
    char done = 0;
    int null;

    if (p->ready_fd < 0) {
        return;
    }
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++) {
        dup2(null, fd);
    }
    if (null > STDERR_FILENO) {
        close(null);
    }
    if (write(p->ready_fd, &done, 1) != 1) {
        g_printerr("reprise: -daemonize: the parent is gone\n");
    }
    close(p->ready_fd);
    p->ready_fd = -1;
}

/* --- the pid file ------------------------------------------------------------------- */

/* Is @fd still what @path names? Another one may have removed it. */
static bool pidfile_same(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino
           && a.st_dev == b.st_dev;
}

static int pidfile_lock(const char *path, GError **error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, PID_FILE_MODE);

        if (fd < 0) {
            fail_errno(error, errno, "-pidfile %s", path);
            return -1;
        }
        if (fcntl(fd, F_SETLK, &lock) != 0) {
            int why = errno;

            close(fd);
            if (why == EAGAIN || why == EACCES) {
                fail(error, "-pidfile %s: another process holds it", path);
            } else {
                fail_errno(error, why, "-pidfile %s: cannot be locked", path);
            }
            return -1;
        }
        if (pidfile_same(fd, path)) {
            return fd;
        }
        close(fd);
    }
}

static bool pidfile_write(Process *p, const char *path, GError **error)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    ssize_t size = (ssize_t)strlen(text);

    p->pidfile = g_canonicalize_filename(path, NULL);
    p->pid_fd = pidfile_lock(p->pidfile, error);
    if (p->pid_fd < 0) {
        return false;
    }
    return (ftruncate(p->pid_fd, 0) == 0
            && write(p->pid_fd, text, (size_t)size) == size)
           || fail_errno(error, errno, "-pidfile %s", path);
}

void process_end(Process *p)
{
    if (p->pid_fd >= 0) {
        unlink(p->pidfile);
        close(p->pid_fd);
    }
    g_clear_pointer(&p->pidfile, g_free);
}

/* --- user, root, memory ----------------------------------------------------------- */

typedef struct UserIds {
    const char *name; /* NULL: only numbers are known */
    uid_t uid;
    gid_t gid;
} UserIds;

/* A user's name, or UID:GID. */
static bool user_find(const char *text, UserIds *ids, GError **error)
{
    const struct passwd *pw = getpwnam(text);
    g_auto(GStrv) numbers = NULL;
    uint64_t uid, gid;

    if (pw) {
        *ids = (UserIds){text, pw->pw_uid, pw->pw_gid};
        return true;
    }
    numbers = g_strsplit(text, ":", 2);
    if (g_strv_length(numbers) != 2
        || !parse_u64(numbers[0], UINT32_MAX - 1, &uid)
        || !parse_u64(numbers[1], UINT32_MAX - 1, &gid)) {
        return fail(error, "-runas %s: no such user (or give UID:GID)", text);
    }
    *ids = (UserIds){NULL, (uid_t)uid, (gid_t)gid};
    return true;
}

static bool user_change(const char *text, const UserIds *ids, GError **error)
{
    int groups =
        ids->name ? initgroups(ids->name, ids->gid) : setgroups(1, &ids->gid);

    if (groups != 0 || setgid(ids->gid) != 0 || setuid(ids->uid) != 0) {
        return fail_errno(error, errno, "-runas %s", text);
    }
    if (ids->uid != 0 && setuid(0) == 0) {
        return fail(error, "-runas %s: the former user could come back", text);
    }
    return true;
}

bool process_settle(Process *p, const Options *o, GError **error)
{
    UserIds ids = {0};

    if ((o->pidfile && !pidfile_write(p, o->pidfile, error))
        || (o->run_as && !user_find(o->run_as, &ids, error))) {
        return false;
    }
    if (o->change_root && (chroot(o->change_root) != 0 || chdir("/") != 0)) {
        return fail_errno(error, errno, "-chroot %s", o->change_root);
    }
    if (o->mem_lock && mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        return fail_errno(error, errno, "-overcommit mem-lock=on");
    }
    if (o->run_as && !user_change(o->run_as, &ids, error)) {
        return false;
    }
    if (p->ready_fd >= 0 && chdir("/") != 0) {
        return fail_errno(error, errno, "-daemonize");
    }
    return !o->sandbox.on || sandbox_enter(&o->sandbox, error);
}
