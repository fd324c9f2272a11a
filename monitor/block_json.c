/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/block_json.h"

#include <string.h>

#include "block/image.h"
#include "monitor/types.h"

/* clang-format off */
#define STATS(m) \
    m "rd_bytes:int " m "wr_bytes:int " m "unmap_bytes:int " m "rd_operations:int " m "wr_operations:int " \
    m "flush_operations:int " m "unmap_operations:int " m "rd_total_time_ns:int " m "wr_total_time_ns:int " \
    m "flush_total_time_ns:int " m "unmap_total_time_ns:int " m "failed_rd_operations:int " \
    m "failed_wr_operations:int " m "failed_flush_operations:int " m "failed_unmap_operations:int " \
    m "rd_merged:int " m "wr_merged:int " m "unmap_merged:int " m "wr_highest_offset:int"
/* clang-format on */

static void add_snapshots(JsonObject *image, BlockNode *n)
{
    g_autoptr(GArray) list = block_snapshots(n);
    JsonArray *a;

    if (list->len == 0) {
        return;
    }
    a = json_array_new();
    for (guint i = 0; i < list->len; i++) {
        const BlockSnapshot *s = &g_array_index(list, BlockSnapshot, i);
        JsonObject *o = json_object_new();

        json_object_set_string_member(o, "id", s->id);
        json_object_set_string_member(o, "name", s->name);
        json_object_set_int_member(o, "vm-state-size",
                                   (gint64)s->vm_state_bytes);
        json_object_set_int_member(o, "date-sec", s->date_sec);
        json_object_set_int_member(o, "date-nsec", s->date_nsec);
        json_object_set_int_member(o, "vm-clock-sec",
                                   (gint64)(s->vm_clock_ns / NS_PER_SEC));
        json_object_set_int_member(o, "vm-clock-nsec",
                                   (gint64)(s->vm_clock_ns % NS_PER_SEC));
        if (s->icount != UINT64_MAX) {
            json_object_set_int_member(o, "icount", (gint64)s->icount);
        }
        json_array_add_object_element(a, o);
    }
    json_object_set_array_member(image, "snapshots", a);
}

static JsonObject *qcow2_specific(const BlockInfo *info)
{
    JsonObject *o = json_object_new(), *d = json_object_new();

    json_object_set_string_member(d, "compat",
                                  info->compat == 2 ? "0.10" : "1.1");
    if (info->compat > 2) {
        json_object_set_string_member(d, "compression-type",
                                      info->zstd ? "zstd" : "zlib");
        json_object_set_boolean_member(d, "lazy-refcounts",
                                       info->lazy_refcounts);
        json_object_set_boolean_member(d, "corrupt", info->corrupt);
        json_object_set_boolean_member(d, "extended-l2", info->extended_l2);
    } else {
        json_object_set_string_member(d, "compression-type", "zlib");
    }
    json_object_set_int_member(d, "refcount-bits", info->refcount_bits);
    json_object_set_string_member(o, "type", "qcow2");
    json_object_set_object_member(o, "data", d);
    return o;
}

static JsonObject *image_json(BlockNode *n)
{
    JsonObject *o = json_object_new();
    const char *backing = image_backing(n), *format = image_backing_format(n);
    BlockNode *below = block_backing(n);
    BlockInfo info;

    block_info(n, &info);
    json_object_set_string_member(o, "filename", block_filename(n));
    json_object_set_string_member(o, "format", block_format(n));
    json_object_set_int_member(o, "virtual-size", (gint64)block_bytes(n));
    json_object_set_int_member(o, "actual-size", (gint64)info.allocated_bytes);
    json_object_set_boolean_member(o, "dirty-flag", info.dirty);
    if (info.cluster_bytes) {
        json_object_set_int_member(o, "cluster-size",
                                   (gint64)info.cluster_bytes);
    }
    if (backing) {
        json_object_set_string_member(o, "backing-filename", backing);
        json_object_set_string_member(o, "full-backing-filename",
                                      below ? block_filename(below) : backing);
    }
    if (format) {
        json_object_set_string_member(o, "backing-filename-format", format);
    }
    add_snapshots(o, n);
    if (info.compat) {
        json_object_set_object_member(o, "format-specific",
                                      qcow2_specific(&info));
    }
    if (below) {
        json_object_set_object_member(o, "backing-image", image_json(below));
    }
    return o;
}

JsonObject *block_json_node(BlockNode *n, bool writeback)
{
    static const char *const limits[] = {"bps",  "bps_rd",  "bps_wr",
                                         "iops", "iops_rd", "iops_wr"};
    static const char *const detects[] = {"off", "on", "unmap"};
    const BlockMode *mode = block_mode(n);
    JsonObject *o = json_object_new(), *cache = json_object_new();
    int depth = 0;

    for (BlockNode *b = block_backing(n); b; b = block_backing(b)) {
        depth++;
    }
    json_object_set_string_member(o, "file", block_filename(n));
    json_object_set_string_member(o, "node-name", block_node_name(n));
    json_object_set_boolean_member(o, "ro", mode->read_only);
    json_object_set_string_member(o, "drv", block_format(n));
    if (block_backing(n)) {
        json_object_set_string_member(o, "backing_file",
                                      block_filename(block_backing(n)));
    }
    json_object_set_int_member(o, "backing_file_depth", depth);
    json_object_set_boolean_member(o, "encrypted", FALSE);
    json_object_set_string_member(o, "detect_zeroes", detects[mode->detect]);
    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        json_object_set_int_member(o, limits[i], 0);
    }
    json_object_set_int_member(o, "write_threshold", 0);
    json_object_set_boolean_member(cache, "writeback", writeback);
    json_object_set_boolean_member(cache, "direct", mode->direct);
    json_object_set_boolean_member(cache, "no-flush", mode->no_flush);
    json_object_set_object_member(o, "cache", cache);
    json_object_set_object_member(o, "image", image_json(n));
    return o;
}

JsonObject *block_json_drive(Drive *d)
{
    JsonObject *o = json_object_new(), *inserted;
    const Device *user = drive_device(d);

    json_object_set_string_member(o, "device", drive_id(d) ? drive_id(d) : "");
    if (user) {
        json_object_set_string_member(o, "qdev",
                                      user->id ? user->id : user->path);
    }
    json_object_set_string_member(o, "type", "unknown");
    json_object_set_boolean_member(o, "removable", drive_removable(d));
    json_object_set_boolean_member(o, "locked", drive_locked(d));
    if (drive_removable(d)) {
        json_object_set_boolean_member(o, "tray_open", drive_tray_open(d));
    }
    if (user) {
        json_object_set_string_member(o, "io-status",
                                      drive_io_failed(d) ? "failed" : "ok");
    }
    if (drive_node(d) && drive_has_medium(d)) {
        inserted = block_json_node(drive_node(d), !drive_writethrough(d));
        json_object_set_boolean_member(inserted, "ro", drive_read_only(d));
        json_object_set_object_member(o, "inserted", inserted);
    }
    return o;
}

JsonObject *block_json_stats(Drive *d)
{
    static const struct {
        const char *name;
        BlkOp op;
        bool bytes;
    } kinds[] = {
        {"rd", BLK_READ, true},
        {"wr", BLK_WRITE, true},
        {"unmap", BLK_DISCARD, true},
        {"flush", BLK_FLUSH, false},
    };
    static const char *const zero[] = {"rd_merged", "wr_merged", "unmap_merged",
                                       "wr_highest_offset"};
    JsonObject *o = json_object_new(), *s = json_object_new();
    DriveStats stats;

    drive_stats(d, &stats);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        BlkOp op = kinds[i].op;
        g_autofree char *ops = g_strconcat(kinds[i].name, "_operations", NULL);
        g_autofree char *bytes = g_strconcat(kinds[i].name, "_bytes", NULL);
        g_autofree char *ns =
            g_strconcat(kinds[i].name, "_total_time_ns", NULL);
        g_autofree char *failed =
            g_strconcat("failed_", kinds[i].name, "_operations", NULL);

        json_object_set_int_member(s, ops,
                                   (gint64)(stats.ops[op] - stats.failed[op]));
        if (kinds[i].bytes) {
            json_object_set_int_member(s, bytes, (gint64)stats.bytes[op]);
        }
        json_object_set_int_member(s, ns, (gint64)stats.host_ns[op]);
        json_object_set_int_member(s, failed, (gint64)stats.failed[op]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(zero); i++) {
        json_object_set_int_member(s, zero[i], 0);
    }
    json_object_set_string_member(o, "device", drive_id(d) ? drive_id(d) : "");
    if (drive_node(d)) {
        json_object_set_string_member(o, "node-name",
                                      block_node_name(drive_node(d)));
    }
    json_object_set_object_member(o, "stats", s);
    return o;
}

char *block_json_date(int64_t sec)
{
    g_autoptr(GDateTime) when = g_date_time_new_from_unix_local(sec);

    return when ? g_date_time_format(when, "%Y-%m-%d %H:%M:%S") : g_strdup("");
}

/* clang-format off */
#define OBJECT(nm, members) {.name = (nm), .meta = QMP_OBJECT, .text = (members)}
#define ENUM(nm, values) {.name = (nm), .meta = QMP_ENUM, .text = (values)}
#define UNION(nm, members, by, variants) {.name = (nm), .meta = QMP_UNION, .text = (members), .tag = (by), .cases = (variants)}

const QmpType qmp_types_block[] = {
    ENUM("BlockDeviceIoStatus", "ok failed nospace"),
    ENUM("BlockdevChangeReadOnlyMode", "retain read-only read-write"),
    ENUM("BlockdevDetectZeroesOptions", "off on unmap"),
    ENUM("Qcow2CompressionType", "zlib zstd"),
    ENUM("ImageInfoSpecificKind", "qcow2"),
    OBJECT("SnapshotInfo", "id:str name:str vm-state-size:int date-sec:int date-nsec:int vm-clock-sec:int vm-clock-nsec:int icount?:int"),
    OBJECT("ImageInfoSpecificQCow2", "compat:str lazy-refcounts?:bool corrupt?:bool extended-l2?:bool refcount-bits:int compression-type:Qcow2CompressionType"),
    OBJECT("ImageInfoSpecificQCow2Wrapper", "data:ImageInfoSpecificQCow2"),
    UNION("ImageInfoSpecific", "type:ImageInfoSpecificKind", "type", "qcow2:ImageInfoSpecificQCow2Wrapper"),
    OBJECT("ImageInfo", "filename:str format:str dirty-flag?:bool actual-size?:int virtual-size:int cluster-size?:int encrypted?:bool compressed?:bool"
        " backing-filename?:str full-backing-filename?:str backing-filename-format?:str snapshots?:[SnapshotInfo] backing-image?:ImageInfo"
        " format-specific?:ImageInfoSpecific"),
    OBJECT("BlockdevCacheInfo", "writeback:bool direct:bool no-flush:bool"),
    OBJECT("BlockDeviceInfo", "file:str node-name?:str ro:bool drv:str backing_file?:str backing_file_depth:int encrypted:bool"
        " detect_zeroes:BlockdevDetectZeroesOptions bps:int bps_rd:int bps_wr:int iops:int iops_rd:int iops_wr:int image:ImageInfo"
        " cache:BlockdevCacheInfo write_threshold:int"),
    OBJECT("BlockInfo", "device:str qdev?:str type:str removable:bool locked:bool inserted?:BlockDeviceInfo tray_open?:bool io-status?:BlockDeviceIoStatus"),
    OBJECT("BlockDeviceStats", STATS("")),
    OBJECT("BlockStats", "device?:str qdev?:str node-name?:str stats:BlockDeviceStats parent?:BlockStats backing?:BlockStats"),
    {NULL},
};
/* clang-format on */
