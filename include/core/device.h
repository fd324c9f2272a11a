/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: a struct whose first member is Device, its rows, and its type. */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/state.h"

typedef enum PropType {
    PROP_END,
    PROP_BOOL,
    PROP_U8,
    PROP_U16,
    PROP_U32,
    PROP_U64,
    PROP_I32,
    PROP_SIZE, /* uint64_t, with K M G suffixes */
    PROP_STR,  /* char *, owned by the device */
} PropType;

/* What a person can set with -device NAME,prop=value or -global. The member is
 * a WIRE row; the values are part of the seal. */
typedef struct PropField {
    const char *name;
    PropType type;
    uint32_t offset;
    const char *initial; /* text, as a person would type it; NULL: 0 */
    bool host_only;      /* back end names: not part of the seal */
    const char *doc;
} PropField;

#define PROP(T, m, nm, ty, init, ...)                                          \
    {                                                                          \
        .name = (nm), .type = (ty), .offset = offsetof(T, m),                  \
        .initial = (init), ##__VA_ARGS__                                       \
    }
#define PROP_LIST_END                                                          \
    {                                                                          \
        .type = PROP_END                                                       \
    }

struct DeviceType {
    const char *name;
    size_t size;
    const StateField *state;
    const PropField *props;
    unsigned version;    /* behaviour version, at least 1 (0 counts as 1) */
    uint64_t mmio_size;  /* of a register block made of REG rows */
    bool user_creatable; /* -device */
    const char *bus;     /* "pci", "isa", "ide", NULL: board only */
    const char *doc;
    /* Connect, allocate, init timers and lines. Called once, by device_realize. */
    bool (*realize)(Device *dev, GError **error);
    void (*unrealize)(Device *dev);  /* free what realize made; NULL: nothing */
    void (*reset_done)(Device *dev); /* after all values are reset */
    void (*rebuild)(Device *dev);    /* DERIVED rows, after a load */
    const void *bus_ops;             /* for the bus: e.g. PciDeviceOps */
};

struct Device {
    const DeviceType *type;
    Vm *vm;         /* borrowed */
    Device *parent; /* borrowed */
    Device *next;   /* owned by the Vm: all devices in path order once sealed */
    char *path; /* owned: unique, "/pc/piix3/rtc"; order and names of state */
    char *id;   /* owned: from id=, or NULL */
    unsigned rank; /* place in path order */
    bool realized;
};

/**
 * device_new() - allocate a zeroed device with its properties' initial values
 * @parent: NULL for the board      @name: last part of the path; made unique
 * by appending [1], [2]... in creation order
 */
Device *device_new(Vm *vm, const DeviceType *type, Device *parent,
                   const char *name);
/** device_move() - another parent and name, as of device_new(); before it is
 *  realized and has children */
void device_move(Device *dev, Device *parent, const char *name);
bool device_set_prop(Device *dev, const char *prop, const char *value,
                     GError **error);
/** device_get_prop() - newly allocated text, NULL when there is no such */
char *device_get_prop(const Device *dev, const char *prop);
bool device_realize(Device *dev, GError **error);
/** device_find() - by path or id; NULL if none */
Device *device_find(Vm *vm, const char *path_or_id);

/** devices_seal() - sort by path and give ranks; after it none is added */
void devices_seal(Vm *vm);
/** devices_reset() - all values first, then all reset_done hooks, path order */
void devices_reset(Vm *vm);
void devices_free(Vm *vm);
/** devices_foreach() - path order */
typedef void DeviceVisit(void *opaque, Device *dev);
void devices_foreach(Vm *vm, DeviceVisit *visit, void *opaque);

#endif
