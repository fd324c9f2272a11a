/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A content is plain (found by hash, so that equal ones are one), packed (zstd,
 * in memory) or spilled (packed bytes in the file). The worker sees contents
 * that a job holds; their bytes stay until the machine thread takes the job
 * back.
 */
#include "replay/page_store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <xxhash.h>
#include <zstd.h>

#include "core/error.h"

#define TABLE_FIRST 1024
#define ZSTD_LEVEL 1
#define JOB_PAGES 64
#define JOBS_MAX 8       /* given to the worker at one time */
#define SLOT_BYTES 512   /* the file is used in multiples of this */
#define SLOT_CLASSES 9   /* up to a page */
#define SPILL_FACTOR 8   /* the file may have so many times the budget */
#define BLOB_OVERHEAD 32 /* of malloc, for the struct and for its bytes */

typedef enum BlobKind {
    BLOB_ZERO, /* one of them, never freed */
    BLOB_PLAIN,
    BLOB_PACKED,
    BLOB_SPILLED,
    BLOB_KEPT, /* packed bytes in the file of an earlier run */
} BlobKind;

struct PageBlob {
    GList link;      /* in the queue of its kind, cold ones first */
    PageBlob *chain; /* plain: in the table */
    uint64_t hash;
    union {
        uint8_t *data;   /* owned */
        uint64_t offset; /* spilled, kept */
    };
    uint32_t refs;
    uint16_t size; /* of the packed bytes; a page: could not be packed */
    uint8_t kind;
    bool busy; /* a job holds it */
};

typedef struct Job {
    bool spill;
    bool failed; /* spill: the file cannot take more */
    unsigned count;
    PageBlob *blob[JOB_PAGES]; /* machine thread */
    const uint8_t *in[JOB_PAGES];
    uint8_t *out[JOB_PAGES];    /* pack: owned */
    uint64_t offset[JOB_PAGES]; /* spill */
    uint16_t size[JOB_PAGES];   /* of out; spill: of in */
} Job;

typedef struct JobQueue {
    GMutex lock;
    GCond filled;
    GQueue jobs; /* under lock: Job, owned */
} JobQueue;

struct PageStore {
    PageBlob zero;
    PageBlob **table; /* owned */
    size_t table_size;
    GQueue plain, packed; /* of PageBlob.link */
    uint64_t spilled;
    uint64_t budget, bytes;
    ZSTD_DCtx *unpack; /* owned */
    int fd;            /* -1: not yet */
    bool no_spill;     /* no file, or it is full */
    int kept_fd;       /* -1: none */
    ZSTD_CCtx *pack;   /* owned; NULL: not yet needed */
    uint64_t kept;
    uint64_t file_end, file_used;
    GArray *free_slots[SLOT_CLASSES + 1]; /* owned: uint64_t offsets */
    GThread *worker;
    JobQueue todo, done;
    unsigned jobs; /* not yet taken back */
};

/* --- jobs on their way ---------------------------------------------------------- */

static void jobs_init(JobQueue *q)
{
    g_mutex_init(&q->lock);
    g_cond_init(&q->filled);
    g_queue_init(&q->jobs);
}

static void jobs_clear(JobQueue *q)
{
    g_mutex_clear(&q->lock);
    g_cond_clear(&q->filled);
}

static void jobs_push(JobQueue *q, Job *j)
{
    g_mutex_lock(&q->lock);
    g_queue_push_tail(&q->jobs, j);
    g_cond_signal(&q->filled);
    g_mutex_unlock(&q->lock);
}

/* NULL: none, and it is not waited for one. */
static Job *jobs_pop(JobQueue *q, bool wait)
{
    Job *j;

    g_mutex_lock(&q->lock);
    while (wait && g_queue_is_empty(&q->jobs)) {
        g_cond_wait(&q->filled, &q->lock);
    }
    j = g_queue_pop_head(&q->jobs);
    g_mutex_unlock(&q->lock);
    return j;
}

/* --- life ---------------------------------------------------------------------- */

PageStore *page_store_new(uint64_t budget)
{
    PageStore *s = g_new0(PageStore, 1);

    s->zero = (PageBlob){.kind = BLOB_ZERO, .refs = 1};
    s->table_size = TABLE_FIRST;
    s->table = g_new0(PageBlob *, s->table_size);
    s->budget = budget;
    s->fd = s->kept_fd = -1;
    s->unpack = ZSTD_createDCtx();
    g_assert(s->unpack);
    for (unsigned i = 0; i <= SLOT_CLASSES; i++) {
        s->free_slots[i] = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    }
    jobs_init(&s->todo);
    jobs_init(&s->done);
    return s;
}

void page_store_free(PageStore *s)
{
    if (!s) {
        return;
    }
    page_store_settle(s);
    if (s->worker) {
        jobs_push(&s->todo, g_new0(Job, 1)); /* nothing to do: end */
        g_thread_join(s->worker);
    }
    g_assert(s->plain.length == 0 && s->packed.length == 0);
    g_assert(s->spilled == 0 && s->kept == 0);
    jobs_clear(&s->todo);
    jobs_clear(&s->done);
    for (unsigned i = 0; i <= SLOT_CLASSES; i++) {
        g_array_free(s->free_slots[i], TRUE);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    if (s->kept_fd >= 0) {
        close(s->kept_fd);
    }
    ZSTD_freeDCtx(s->unpack);
    ZSTD_freeCCtx(s->pack);
    g_free(s->table);
    g_free(s);
}

void page_store_charge(PageStore *s, int64_t bytes)
{
    s->bytes += (uint64_t)bytes;
}

/* --- the table of plain contents ------------------------------------------------ */

static PageBlob **table_slot(const PageStore *s, uint64_t hash)
{
    return &s->table[hash & (s->table_size - 1)];
}

static void table_grow(PageStore *s)
{
    PageBlob **old = s->table;
    size_t old_size = s->table_size;

    s->table_size *= 2;
    s->table = g_new0(PageBlob *, s->table_size);
    for (size_t i = 0; i < old_size; i++) {
        PageBlob *b, *next;

        for (b = old[i]; b; b = next) {
            PageBlob **slot = table_slot(s, b->hash);

            next = b->chain;
            b->chain = *slot;
            *slot = b;
        }
    }
    g_free(old);
}

static void table_add(PageStore *s, PageBlob *b)
{
    PageBlob **slot;

    if (s->plain.length > s->table_size) {
        table_grow(s);
    }
    slot = table_slot(s, b->hash);
    b->chain = *slot;
    *slot = b;
}

static void table_remove(PageStore *s, PageBlob *b)
{
    PageBlob **at = table_slot(s, b->hash);

    while (*at != b) {
        at = &(*at)->chain;
    }
    *at = b->chain;
}

/* --- slots of the file ------------------------------------------------------------ */

static unsigned slot_class(uint16_t size)
{
    return ((unsigned)size + SLOT_BYTES - 1) / SLOT_BYTES;
}

static bool slot_get(PageStore *s, uint16_t size, uint64_t *offset)
{
    unsigned class = slot_class(size);
    GArray *room = s->free_slots[class];

    if (room->len > 0) {
        *offset = g_array_index(room, uint64_t, room->len - 1);
        g_array_set_size(room, room->len - 1);
    } else if (s->file_end + (uint64_t) class * SLOT_BYTES
               > s->budget * SPILL_FACTOR) {
        return false;
    } else {
        *offset = s->file_end;
        s->file_end += (uint64_t) class * SLOT_BYTES;
    }
    s->file_used += (uint64_t) class * SLOT_BYTES;
    return true;
}

static void slot_put(PageStore *s, uint16_t size, uint64_t offset)
{
    unsigned class = slot_class(size);

    g_array_append_val(s->free_slots[class], offset);
    s->file_used -= (uint64_t) class * SLOT_BYTES;
}

/* Memory file systems would be no gain. */
static bool file_open(PageStore *s)
{
    const char *folder = g_getenv("TMPDIR");
    g_autofree char *path = NULL;

    if (s->fd >= 0 || s->no_spill) {
        return !s->no_spill;
    }
    path = g_build_filename(folder ? folder : "/var/tmp",
                            "reprise-checkpoints-XXXXXX", NULL);
    s->fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    s->no_spill = s->fd < 0;
    if (!s->no_spill) {
        g_unlink(path);
    }
    return !s->no_spill;
}

/* --- what a content takes, by kind -------------------------------------------------- */

static uint64_t blob_bytes(const PageBlob *b)
{
    uint64_t bytes = sizeof(*b) + BLOB_OVERHEAD;

    if (b->kind == BLOB_PLAIN) {
        bytes += GUEST_PAGE_SIZE;
    } else if (b->kind == BLOB_PACKED) {
        bytes += b->size;
    }
    return bytes;
}

/* Into the books as the kind it has now; the hot end of its queue. */
static void blob_enter(PageStore *s, PageBlob *b)
{
    b->link = (GList){.data = b};
    if (b->kind == BLOB_PLAIN) {
        g_queue_push_tail_link(&s->plain, &b->link);
        table_add(s, b);
    } else if (b->kind == BLOB_PACKED) {
        g_queue_push_tail_link(&s->packed, &b->link);
    } else if (b->kind == BLOB_SPILLED) {
        s->spilled++;
    } else {
        s->kept++;
    }
    s->bytes += blob_bytes(b);
}

static void blob_leave(PageStore *s, PageBlob *b)
{
    s->bytes -= blob_bytes(b);
    if (b->kind == BLOB_PLAIN) {
        g_queue_unlink(&s->plain, &b->link);
        table_remove(s, b);
        g_free(b->data);
    } else if (b->kind == BLOB_PACKED) {
        g_queue_unlink(&s->packed, &b->link);
        g_free(b->data);
    } else if (b->kind == BLOB_SPILLED) {
        s->spilled--;
        slot_put(s, b->size, b->offset);
    } else {
        s->kept--;
    }
}

/* --- references ---------------------------------------------------------------------- */

static bool page_is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, GUEST_PAGE_SIZE - 1) == 0;
}

PageBlob *page_store_put(PageStore *s, const uint8_t *page)
{
    uint64_t hash;
    PageBlob *b;

    if (page_is_zero(page)) {
        return page_blob_ref(&s->zero);
    }
    hash = XXH3_64bits(page, GUEST_PAGE_SIZE);
    for (b = *table_slot(s, hash); b; b = b->chain) {
        if (b->hash == hash && memcmp(b->data, page, GUEST_PAGE_SIZE) == 0) {
            return page_blob_ref(b);
        }
    }
    b = g_new0(PageBlob, 1);
    b->kind = BLOB_PLAIN;
    b->hash = hash;
    b->refs = 1;
    b->data = g_memdup2(page, GUEST_PAGE_SIZE);
    blob_enter(s, b);
    return b;
}

PageBlob *page_blob_ref(PageBlob *b)
{
    b->refs++;
    return b;
}

void page_blob_unref(PageStore *s, PageBlob *b)
{
    if (!b || --b->refs > 0) {
        return;
    }
    g_assert(b != &s->zero && !b->busy);
    blob_leave(s, b);
    g_free(b);
}

/* --- reading -------------------------------------------------------------------------- */

static bool blob_unpack(PageStore *s, const uint8_t *packed, uint16_t size,
                        uint8_t page[GUEST_PAGE_SIZE])
{
    if (size == GUEST_PAGE_SIZE) {
        memcpy(page, packed, GUEST_PAGE_SIZE);
        return true;
    }
    return ZSTD_decompressDCtx(s->unpack, page, GUEST_PAGE_SIZE, packed, size)
           == GUEST_PAGE_SIZE;
}

static bool blob_in_file(const PageBlob *b)
{
    return b->kind == BLOB_SPILLED || b->kind == BLOB_KEPT;
}

static int blob_file(const PageStore *s, const PageBlob *b)
{
    return b->kind == BLOB_KEPT ? s->kept_fd : s->fd;
}

bool page_blob_warm(PageStore *s, PageBlob *b, GError **error)
{
    uint8_t packed[GUEST_PAGE_SIZE];
    g_autofree uint8_t *page = NULL;
    ssize_t n;

    if (!blob_in_file(b)) {
        return true;
    }
    n = pread(blob_file(s, b), packed, b->size, (off_t)b->offset);
    if (n < 0) {
        return fail_errno(error, errno, "checkpoint: its file");
    }
    page = g_malloc(GUEST_PAGE_SIZE);
    if (n != b->size || !blob_unpack(s, packed, b->size, page)
        || XXH3_64bits(page, GUEST_PAGE_SIZE) != b->hash) {
        return fail(error, "checkpoint: its file is damaged");
    }
    blob_leave(s, b);
    b->kind = BLOB_PLAIN;
    b->data = g_steal_pointer(&page);
    blob_enter(s, b);
    return true;
}

const uint8_t *page_blob_read(PageStore *s, PageBlob *b,
                              uint8_t room[GUEST_PAGE_SIZE])
{
    GQueue *queue = b->kind == BLOB_PLAIN ? &s->plain : &s->packed;

    g_assert(!blob_in_file(b));
    if (b->kind == BLOB_ZERO) {
        memset(room, 0, GUEST_PAGE_SIZE);
        return room;
    }
    g_queue_unlink(queue, &b->link); /* not cold */
    g_queue_push_tail_link(queue, &b->link);
    if (b->kind == BLOB_PLAIN) {
        return b->data;
    }
    g_assert(blob_unpack(s, b->data, b->size, room));
    return room;
}

/* --- for files that stay ------------------------------------------------------------- */

uint16_t page_blob_bytes(PageStore *s, PageBlob *b,
                         uint8_t room[PAGE_BLOB_ROOM])
{
    size_t n;

    if (blob_in_file(b)) {
        ssize_t got = pread(blob_file(s, b), room, b->size, (off_t)b->offset);

        return got == b->size ? b->size : 0;
    }
    if (b->kind == BLOB_PACKED) {
        memcpy(room, b->data, b->size);
        return b->size;
    }
    if (!s->pack) {
        s->pack = ZSTD_createCCtx();
        g_assert(s->pack);
    }
    n = ZSTD_compressCCtx(s->pack, room, PAGE_BLOB_ROOM, b->data,
                          GUEST_PAGE_SIZE, ZSTD_LEVEL);
    if (!ZSTD_isError(n) && n < GUEST_PAGE_SIZE) {
        return (uint16_t)n;
    }
    memcpy(room, b->data, GUEST_PAGE_SIZE);
    return GUEST_PAGE_SIZE;
}

bool page_blob_is_zero(const PageStore *s, const PageBlob *b)
{
    return b == &s->zero;
}

uint64_t page_blob_hash(const PageBlob *b)
{
    return b->hash;
}

PageBlob *page_store_zero(PageStore *s)
{
    return page_blob_ref(&s->zero);
}

void page_store_keep(PageStore *s, int fd)
{
    g_assert(s->kept_fd < 0);
    s->kept_fd = fd;
}

PageBlob *page_store_kept(PageStore *s, uint64_t offset, uint16_t size,
                          uint64_t hash)
{
    PageBlob *b = g_new0(PageBlob, 1);

    b->kind = BLOB_KEPT;
    b->hash = hash;
    b->refs = 1;
    b->size = size;
    b->offset = offset;
    blob_enter(s, b);
    return b;
}

/* --- the worker ------------------------------------------------------------------------ */

static void job_pack(Job *j, ZSTD_CCtx *pack)
{
    uint8_t room[ZSTD_COMPRESSBOUND(GUEST_PAGE_SIZE)];

    for (unsigned i = 0; i < j->count; i++) {
        size_t n = ZSTD_compressCCtx(pack, room, sizeof(room), j->in[i],
                                     GUEST_PAGE_SIZE, ZSTD_LEVEL);
        bool good = !ZSTD_isError(n) && n < GUEST_PAGE_SIZE;

        j->size[i] = (uint16_t)(good ? n : GUEST_PAGE_SIZE);
        j->out[i] = g_memdup2(good ? room : j->in[i], j->size[i]);
    }
}

static void job_spill(Job *j, int fd)
{
    for (unsigned i = 0; i < j->count && !j->failed; i++) {
        j->failed =
            pwrite(fd, j->in[i], j->size[i], (off_t)j->offset[i]) != j->size[i];
    }
}

static gpointer store_worker(gpointer data)
{
    PageStore *s = data; /* its queues only; fd does not change any more when a
                            job needs it */
    ZSTD_CCtx *pack = ZSTD_createCCtx();

    g_assert(pack);
    for (;;) {
        Job *j = jobs_pop(&s->todo, true);

        if (j->count == 0) {
            g_free(j);
            break;
        }
        if (j->spill) {
            job_spill(j, s->fd);
        } else {
            job_pack(j, pack);
        }
        jobs_push(&s->done, j);
    }
    ZSTD_freeCCtx(pack);
    return NULL;
}

/* --- jobs, machine thread ----------------------------------------------------------------- */

static void job_packed(PageStore *s, Job *j, unsigned i)
{
    PageBlob *b = j->blob[i];

    blob_leave(s, b);
    b->kind = BLOB_PACKED;
    b->size = j->size[i];
    b->data = j->out[i];
    blob_enter(s, b);
}

static void job_spilled(PageStore *s, Job *j, unsigned i)
{
    PageBlob *b = j->blob[i];

    if (j->failed) {
        slot_put(s, b->size, j->offset[i]);
        return;
    }
    blob_leave(s, b);
    b->kind = BLOB_SPILLED;
    b->offset = j->offset[i];
    blob_enter(s, b);
}

static void job_take_back(PageStore *s, Job *j)
{
    for (unsigned i = 0; i < j->count; i++) {
        PageBlob *b = j->blob[i];

        b->busy = false;
        if (j->spill) {
            job_spilled(s, j, i);
        } else {
            job_packed(s, j, i);
        }
        page_blob_unref(s, b);
    }
    s->no_spill |= j->failed;
    s->jobs--;
    g_free(j);
}

static bool job_add(PageStore *s, Job *j, PageBlob *b)
{
    unsigned i = j->count;

    if (j->spill && !slot_get(s, b->size, &j->offset[i])) {
        return false;
    }
    j->blob[i] = page_blob_ref(b);
    j->in[i] = b->data;
    j->size[i] = b->size;
    b->busy = true;
    j->count++;
    return true;
}

/* The coldest of @queue; false: there is nothing to give. */
static bool job_give(PageStore *s, GQueue *queue, bool spill)
{
    Job *j;

    if (s->jobs >= JOBS_MAX || (spill && !file_open(s))) {
        return false;
    }
    j = g_new0(Job, 1);
    j->spill = spill;
    for (GList *l = queue->head; l && j->count < JOB_PAGES; l = l->next) {
        PageBlob *b = l->data;

        if (!b->busy && !job_add(s, j, b)) {
            break;
        }
    }
    if (j->count == 0) {
        g_free(j);
        return false;
    }
    if (!s->worker) {
        s->worker = g_thread_new("checkpoints", store_worker, s);
    }
    s->jobs++;
    jobs_push(&s->todo, j);
    return true;
}

static bool store_above(const PageStore *s, unsigned quarters)
{
    return s->bytes > s->budget / 4 * quarters;
}

void page_store_tend(PageStore *s)
{
    Job *j;

    while (s->jobs > 0 && (j = jobs_pop(&s->done, false))) {
        job_take_back(s, j);
    }
    while (store_above(s, 3) && job_give(s, &s->packed, true)) {
    }
    while (store_above(s, 2) && job_give(s, &s->plain, false)) {
    }
}

void page_store_settle(PageStore *s)
{
    while (s->jobs > 0) {
        job_take_back(s, jobs_pop(&s->done, true));
    }
}

bool page_store_full(const PageStore *s)
{
    return s->bytes > s->budget
           && (s->jobs < JOBS_MAX || s->bytes > s->budget / 2 * 3);
}

void page_store_stats(const PageStore *s, PageStoreStats *out)
{
    *out = (PageStoreStats){
        .bytes = s->bytes,
        .plain = s->plain.length,
        .packed = s->packed.length,
        .spilled = s->spilled,
        .spilled_bytes = s->file_used,
    };
}
