/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protocols file and host_device: one descriptor, locked, maybe O_DIRECT. */
#include "block/node_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/file_lock_priv.h"
#include "core/fds.h"

#define DIRECT_ALIGN 4096u
#define DIRECT_BOUNCE (1u << 20)

typedef struct FileImpl {
    int fd;
    bool direct;
    bool device;
    GMutex edge; /* read-modify-write of the edges of unaligned O_DIRECT */
    gint flush_failed; /* after a failed fsync pages may be lost: never again
                          say that they are on the disk */
} FileImpl;

/* --- plain I/O ----------------------------------------------------------------- */

static int fd_read(int fd, uint64_t at, void *buf, size_t size)
{
    uint8_t *p = buf;

    while (size) {
        ssize_t n = pread(fd, p, size, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno;
        }
        if (n == 0) { /* beyond the end: zeroes */
            memset(p, 0, size);
            return 0;
        }
        p += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

static int fd_write(int fd, uint64_t at, const void *buf, size_t size)
{
    const uint8_t *p = buf;

    while (size) {
        ssize_t n = pwrite(fd, p, size, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : ENOSPC;
        }
        p += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

/* --- O_DIRECT through a bounce buffer ------------------------------------------- */

static bool direct_aligned(uint64_t at, const void *buf, size_t size)
{
    return at % DIRECT_ALIGN == 0 && size % DIRECT_ALIGN == 0
           && (uintptr_t)buf % DIRECT_ALIGN == 0;
}

static int direct_read(int fd, uint64_t at, uint8_t *buf, size_t size)
{
    void *bounce;
    int err = 0;

    if (direct_aligned(at, buf, size)) {
        return fd_read(fd, at, buf, size);
    }
    if (posix_memalign(&bounce, DIRECT_ALIGN, DIRECT_BOUNCE) != 0) {
        return ENOMEM;
    }
    while (size && !err) {
        uint64_t start = at / DIRECT_ALIGN * DIRECT_ALIGN;
        size_t skip = (size_t)(at - start);
        size_t piece = MIN(size, DIRECT_BOUNCE - skip);
        size_t whole =
            (skip + piece + DIRECT_ALIGN - 1) / DIRECT_ALIGN * DIRECT_ALIGN;

        err = fd_read(fd, start, bounce, whole);
        memcpy(buf, (uint8_t *)bounce + skip, piece);
        buf += piece;
        at += piece;
        size -= piece;
    }
    free(bounce);
    return err;
}

static int direct_write_piece(int fd, uint64_t at, const uint8_t *buf,
                              size_t size, uint8_t *bounce)
{
    uint64_t start = at / DIRECT_ALIGN * DIRECT_ALIGN;
    size_t skip = (size_t)(at - start);
    size_t whole =
        (skip + size + DIRECT_ALIGN - 1) / DIRECT_ALIGN * DIRECT_ALIGN;
    struct stat st;
    int err = 0;

    if (whole != size) {
        err = fd_read(fd, start, bounce, DIRECT_ALIGN);
        if (!err && whole > DIRECT_ALIGN) {
            err = fd_read(fd, start + whole - DIRECT_ALIGN,
                          bounce + whole - DIRECT_ALIGN, DIRECT_ALIGN);
        }
    }
    memcpy(bounce + skip, buf, size);
    if (!err && fstat(fd, &st) != 0) {
        err = errno;
    }
    if (!err) {
        err = fd_write(fd, start, bounce, whole);
    }
    /* A file must not get longer than what was written. */
    if (!err && S_ISREG(st.st_mode) && start + whole > (uint64_t)st.st_size
        && at + size < start + whole
        && ftruncate(fd, (off_t)MAX(at + size, (uint64_t)st.st_size)) != 0) {
        err = errno;
    }
    return err;
}

static int direct_write(FileImpl *f, uint64_t at, const uint8_t *buf,
                        size_t size)
{
    void *bounce;
    int err = 0;

    if (direct_aligned(at, buf, size)) {
        return fd_write(f->fd, at, buf, size);
    }
    if (posix_memalign(&bounce, DIRECT_ALIGN, DIRECT_BOUNCE) != 0) {
        return ENOMEM;
    }
    g_mutex_lock(&f->edge);
    while (size && !err) {
        size_t skip = (size_t)(at % DIRECT_ALIGN);
        size_t piece = MIN(size, DIRECT_BOUNCE - skip);

        err = direct_write_piece(f->fd, at, buf, piece, bounce);
        buf += piece;
        at += piece;
        size -= piece;
    }
    g_mutex_unlock(&f->edge);
    free(bounce);
    return err;
}

/* --- the node -------------------------------------------------------------------- */

static uint64_t file_bytes(BlockNode *n)
{
    const FileImpl *f = n->impl;
    struct stat st;
    off_t end;

    if (!f->device) {
        return fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    }
    end = lseek(f->fd, 0, SEEK_END);
    return end > 0 ? (uint64_t)end : 0;
}

static int file_read(BlockNode *n, uint64_t at, void *buf, size_t size)
{
    const FileImpl *f = n->impl;

    if (at > INT64_MAX - size) {
        return EINVAL;
    }
    return f->direct ? direct_read(f->fd, at, buf, size)
                     : fd_read(f->fd, at, buf, size);
}

static int file_write(BlockNode *n, uint64_t at, const void *buf, size_t size)
{
    FileImpl *f = n->impl;

    if (at > INT64_MAX - size) {
        return EFBIG;
    }
    return f->direct ? direct_write(f, at, buf, size)
                     : fd_write(f->fd, at, buf, size);
}

static int file_zeroes(BlockNode *n, uint64_t at, uint64_t size)
{
    FileImpl *f = n->impl;
    static const uint8_t zeroes[DIRECT_ALIGN]
        __attribute__((aligned(DIRECT_ALIGN)));
    int err = 0;

    if (at > INT64_MAX - size) {
        return EFBIG;
    }
    if (fallocate(f->fd, FALLOC_FL_ZERO_RANGE, (off_t)at, (off_t)size) == 0) {
        return 0;
    }
    while (size && !err) {
        size_t piece = MIN(size, sizeof(zeroes) - at % sizeof(zeroes));

        err = file_write(n, at, zeroes, piece);
        at += piece;
        size -= piece;
    }
    return err;
}

static int file_discard(BlockNode *n, uint64_t at, uint64_t size)
{
    const FileImpl *f = n->impl;

    if (at > INT64_MAX - size) {
        return EINVAL;
    }
    if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
                  (off_t)size)
            != 0
        && errno != EOPNOTSUPP && errno != ENODEV) {
        return errno;
    }
    return 0;
}

static int file_flush(BlockNode *n)
{
    FileImpl *f = n->impl;

    if (n->mode.no_flush) {
        return 0;
    }
    if (g_atomic_int_get(&f->flush_failed)) {
        return EIO;
    }
    if (fdatasync(f->fd) != 0) {
        g_atomic_int_set(&f->flush_failed, 1);
        return errno;
    }
    return 0;
}

static bool file_truncate(BlockNode *n, uint64_t bytes, GError **error)
{
    const FileImpl *f = n->impl;

    if (bytes > INT64_MAX) {
        return fail(error, "%s: too big", n->filename);
    }
    if (f->device) {
        return file_bytes(n) >= bytes
               || fail(error, "%s: a device cannot grow", n->filename);
    }
    return ftruncate(f->fd, (off_t)bytes) == 0
           || fail_errno(error, errno, "%s: cannot be resized", n->filename);
}

static int file_extent(BlockNode *n, uint64_t at, uint64_t max,
                       BlockExtent *out)
{
    const FileImpl *f = n->impl;
    off_t next = lseek(f->fd, (off_t)at, SEEK_DATA);

    out->has_offset = true;
    out->offset = at;
    if (next < 0 && errno != ENXIO) {
        return 0; /* the host cannot tell: data */
    }
    if (next < 0 || (uint64_t)next > at) {
        out->kind = BLOCK_ZERO;
        out->bytes = next < 0 ? max : MIN(max, (uint64_t)next - at);
        return 0;
    }
    next = lseek(f->fd, (off_t)at, SEEK_HOLE);
    if (next > 0 && (uint64_t)next > at) {
        out->bytes = MIN(max, (uint64_t)next - at);
    }
    return 0;
}

static void file_info(BlockNode *n, BlockInfo *out)
{
    struct stat st;

    if (fstat(((FileImpl *)n->impl)->fd, &st) == 0) {
        out->allocated_bytes = (uint64_t)st.st_blocks * 512;
    }
}

static void file_close(BlockNode *n)
{
    FileImpl *f = n->impl;

    if (f) {
        close(f->fd);
        g_mutex_clear(&f->edge);
        g_free(f);
    }
}

/* --- opening ----------------------------------------------------------------------- */

/* A graph without a machine has no /dev/fdset/N. */
static int file_open(Vm *vm, const char *filename, int flags)
{
    return vm ? fds_open(vm, filename, flags, 0) : open(filename, flags);
}

static int file_descriptor(const BlockGraph *g, const char *filename,
                           const BlockMode *mode, bool *direct)
{
    Vm *vm = block_graph_vm(g);
    int flags = (mode->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
    int fd = file_open(vm, filename, flags | (mode->direct ? O_DIRECT : 0));

    *direct = mode->direct;
    if (fd < 0 && errno == EINVAL && mode->direct) { /* tmpfs and others */
        *direct = false;
        fd = file_open(vm, filename, flags);
    }
    return fd;
}

/* The lock of the other descriptor goes with it. */
static bool file_set_read_only(BlockNode *n, bool read_only, GError **error)
{
    FileImpl *f = n->impl;
    BlockMode mode = n->mode;
    int fd, old = f->fd;

    mode.read_only = read_only;
    fd = file_descriptor(n->graph, n->filename, &mode, &f->direct);
    if (fd < 0) {
        return fail_errno(error, errno, "%s: cannot be opened for writing",
                          n->filename);
    }
    file_unlock(old);
    if (!mode.lock_off && !file_lock(fd, n->filename, !read_only, error)) {
        g_autoptr(GError) again = NULL;

        close(fd);
        if (!file_lock(old, n->filename, !n->mode.read_only, &again)) {
            g_printerr("reprise: %s\n", again->message);
        }
        return false;
    }
    /* Requests at work use the number: it goes over in one step. */
    while (dup3(fd, old, O_CLOEXEC) < 0) {
        g_assert(errno == EINTR || errno == EBUSY);
    }
    close(fd);
    return true;
}

/* clang-format off */
#define FILE_OPS \
    .protocol = true, .close = file_close, .bytes = file_bytes, \
    .read = file_read, .write = file_write, .zeroes = file_zeroes, \
    .discard = file_discard, .flush = file_flush, .truncate = file_truncate, \
    .extent = file_extent, .info = file_info, \
    .set_read_only = file_set_read_only
static const BlockOps file_ops = {.name = "file", FILE_OPS};
static const BlockOps device_ops = {.name = "host_device", FILE_OPS};
/* clang-format on */

static BlockNode *file_node(BlockGraph *g, const char *name,
                            const char *filename, const BlockMode *mode, int fd,
                            bool direct, GError **error)
{
    struct stat st;
    bool device = fstat(fd, &st) == 0 && S_ISBLK(st.st_mode);
    BlockNode *n =
        block_node_new(g, device ? &device_ops : &file_ops, name, mode, error);
    FileImpl *f;

    if (!n) {
        close(fd);
        return NULL;
    }
    f = g_new0(FileImpl, 1);
    f->fd = fd;
    f->direct = direct;
    f->device = device;
    g_mutex_init(&f->edge);
    n->impl = f;
    n->filename = g_strdup(filename);
    return n;
}

BlockNode *block_file_open(BlockGraph *g, const char *name,
                           const char *filename, const BlockMode *mode,
                           GError **error)
{
    bool direct;
    struct stat st;
    int fd = file_descriptor(g, filename, mode, &direct);

    if (fd < 0) {
        fail_errno(error, errno, "%s: cannot open", filename);
        return NULL;
    }
    if (fstat(fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
        close(fd);
        fail(error, "%s: is neither a file nor a block device", filename);
        return NULL;
    }
    if (!mode->lock_off && !file_lock(fd, filename, !mode->read_only, error)) {
        close(fd);
        return NULL;
    }
    return file_node(g, name, filename, mode, fd, direct, error);
}

BlockNode *block_file_create(BlockGraph *g, const char *filename,
                             GError **error)
{
    const BlockMode mode = {0};
    int fd = open(filename, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0) {
        fail_errno(error, errno, "%s: cannot create", filename);
        return NULL;
    }
    if (!file_lock(fd, filename, true, error)) {
        close(fd);
        return NULL;
    }
    if (ftruncate(fd, 0) != 0) {
        fail_errno(error, errno, "%s: cannot be emptied", filename);
        close(fd);
        return NULL;
    }
    return file_node(g, NULL, filename, &mode, fd, false, error);
}
