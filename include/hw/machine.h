/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines by name, and what a person asked for in neutral form. The caller
 * (system/) fills a MachineConfig, then: machine_find(), build(),
 * devices_seal(), devices_reset().
 */
#ifndef HW_MACHINE_H
#define HW_MACHINE_H

#include "core/vm.h"

typedef struct Chardev Chardev;
typedef struct Machine Machine;
typedef struct MachineType MachineType;

/* Bytes from the host that the guest can see. */
typedef enum BlobKind {
    BLOB_FIRMWARE, /* BIOS, option ROMs, tables: embedded in recordings */
    BLOB_PAYLOAD,  /* kernel, initrd: by digest, unless rrembed=on */
} BlobKind;

typedef struct MachineBlob {
    char *name; /* owned: "bios", "genroms/x.rom", "kernel", ... */
    BlobKind kind;
    GBytes *data; /* owned */
} MachineBlob;

/* Where files come from: the host's disk, or a recording. */
typedef struct MachineBlobSource {
    /* @name: what it is for ("bios", "kernel", "rom:NAME"); @path: what the
     * person gave or the default file name, to be searched for. */
    GBytes *(*load)(void *opaque, const char *name, BlobKind kind,
                    const char *path, GError **error);
    /* What a recording has for a blob that this program makes itself ("etc/
     * acpi/tables", ...); NULL: nothing. May be NULL. Caller owns. */
    GBytes *(*replace)(void *opaque, const char *name);
    void *opaque;
} MachineBlobSource;

typedef struct MachineProp {
    const char *name;
    const char *value;
} MachineProp;

typedef struct DeviceSpec { /* -device */
    const char *driver;
    const char *id; /* NULL: none */
    const MachineProp *props;
    unsigned prop_count;
} DeviceSpec;

typedef struct GlobalSpec { /* -global */
    const char *driver;
    const char *prop;
    const char *value;
} GlobalSpec;

typedef struct FwCfgSpec { /* -fw_cfg */
    const char *name;
    const char *file;   /* NULL: .string */
    const char *string; /* NULL: .file */
} FwCfgSpec;

typedef struct SmbiosSpec { /* -smbios type=N,name=value,... */
    unsigned type;
    const MachineProp *props;
    unsigned prop_count;
    const char *file; /* a structure as it is instead; NULL: .props */
} SmbiosSpec;

typedef struct MachineConfig {
    const char *machine; /* as typed: "pc", "pc-i440fx-7.2" */
    uint64_t ram_bytes;
    unsigned cpus, max_cpus;
    unsigned sockets, dies, cores, threads; /* 0: all CPUs are sockets */
    const char *cpu;                        /* -cpu text; NULL: the default */
    bool long_mode;                         /* x86_64 or i386 */
    const char *bios;                       /* NULL: default */
    const char *kernel, *initrd, *append;
    const MachineBlobSource *blobs;
    Chardev *const *serial; /* [serial_count], NULL entries: no port */
    unsigned serial_count;
    Chardev *const *parallel;
    unsigned parallel_count;
    Chardev *debugcon; /* NULL: none at 0x402 */
    const char *vga;   /* "none", "std"; NULL: default */
    bool nographic;
    bool nodefaults;
    bool graphics_off; /* -M graphics=off */
    bool no_acpi, no_hpet;
    bool smm_off;
    bool has_uuid;
    uint8_t uuid[16];       /* RFC 4122 byte order */
    const char *name;       /* -name */
    const char *boot_order; /* "cdn", NULL: default */
    bool boot_menu, boot_strict;
    int boot_menu_timeout_ms; /* splash-time */
    const char *boot_splash;  /* picture file; NULL: none */
    bool has_reboot_timeout;
    int64_t reboot_timeout_ms;      /* -1: never */
    const char *const *option_roms; /* files: -option-rom */
    unsigned option_rom_count;
    const DeviceSpec *devices;
    unsigned device_count;
    const GlobalSpec *globals;
    unsigned global_count;
    const FwCfgSpec *fw_cfg;
    unsigned fw_cfg_count;
    const SmbiosSpec *smbios;
    unsigned smbios_count;
    const DeviceType *const *types; /* registry, NULL-terminated; may be NULL */
    /* -chardev by id, for -device X,chardev=id; NULL: there are none */
    Chardev *(*find_chardev)(void *opaque, const char *id);
    void *find_chardev_opaque;
} MachineConfig;

struct MachineType {
    const char *name;
    const char *alias; /* NULL: none */
    const char *doc;
    const char *default_cpu32, *default_cpu64;
    uint64_t default_ram;
    unsigned max_cpus;
    bool (*build)(Vm *vm, const MachineConfig *cfg, GError **error);
    void (*powerdown)(Vm *vm); /* the power button */
    void (*nmi)(Vm *vm);
};

/* First member of every board. */
struct Machine {
    Device dev;
    const MachineType *mtype;
    GPtrArray *blobs; /* owned: MachineBlob * in order of loading */
};
/* For the board's DeviceType.bus: marks the machine among the devices. */
#define MACHINE_BUS "machine"

extern const MachineType *const machine_types[]; /* ends with NULL */

/** machine_find() - by name or alias; pc-i440fx-N.N is known; error names the
 *  nearest match */
const MachineType *machine_find(const char *name, GError **error);
/** machine_help() - `-machine help` */
void machine_help(GString *out);
/** machine_of() - the board of @vm; NULL before it is built */
Machine *machine_of(Vm *vm);
void machine_init(Machine *m, const MachineType *type);
void machine_fini(Machine *m);

/** machine_blob_add() - remember what the guest can see; takes a reference */
void machine_blob_add(Vm *vm, const char *name, BlobKind kind, GBytes *data);
/** machine_blob_load() - through cfg->blobs, and remember it; caller owns */
GBytes *machine_blob_load(Vm *vm, const MachineConfig *cfg, const char *name,
                          BlobKind kind, const char *path, GError **error);
/** machine_blob_made() - for firmware blobs we make: @data, or what a recording
 *  has instead; remembers it; caller owns */
GBytes *machine_blob_made(Vm *vm, const MachineConfig *cfg, const char *name,
                          const void *data, size_t size);
typedef void MachineBlobVisit(void *opaque, const MachineBlob *blob);
void machine_blob_foreach(Vm *vm, MachineBlobVisit *visit, void *opaque);

/** machine_device_new() - device_new(), then what -global says about its type */
Device *machine_device_new(Vm *vm, const MachineConfig *cfg,
                           const DeviceType *type, Device *parent,
                           const char *name, GError **error);
/** machine_powerdown() - system_powerdown; Thread: machine */
void machine_powerdown(Vm *vm);
/** machine_nmi() - the `nmi` command: to every vCPU */
void machine_nmi(Vm *vm);

#endif
