/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives and channels between the files of this folder. Sources: ATA/ATAPI-7
 * volumes 1 and 2 (cited as ATA7), MMC-4, SFF-8020i, Intel 290550-002 (PIIX3).
 */
#ifndef HW_IDE_IDE_PRIV_H
#define HW_IDE_IDE_PRIV_H

#include "block/drive.h"
#include "hw/ide.h"

#define IDE_SECTOR 512u
#define IDE_CD_SECTOR 2048u
#define CD_RAW_SECTOR 2352u
#define IDE_BUF_BYTES 0x20000u /* data of one request to the drive */
#define IDE_MULTIPLE_MAX 16u
#define IDE_PACKET_BYTES 12u

/* ATA7 5.x: status, error, device control, device, interrupt reason. */
#define STAT_ERR 0x01u
#define STAT_DRQ 0x08u
#define STAT_DSC 0x10u
#define STAT_DF 0x20u
#define STAT_DRDY 0x40u
#define STAT_BSY 0x80u
#define STAT_READY (STAT_DRDY | STAT_DSC)
#define ERR_ABRT 0x04u
#define ERR_IDNF 0x10u
#define ERR_UNC 0x40u
#define CTRL_NIEN 0x02u
#define CTRL_SRST 0x04u
#define CTRL_HOB 0x80u
#define DEV_UNIT 0x10u
#define DEV_LBA 0x40u
#define REASON_CD 0x01u
#define REASON_IO 0x02u

typedef struct IdeBus IdeBus;
typedef struct IdeDrive IdeDrive;

typedef enum IdePhase {
    IDE_PHASE_IDLE,
    IDE_PHASE_PIO_IN,  /* the guest reads .buf */
    IDE_PHASE_PIO_OUT, /* the guest fills .buf */
    IDE_PHASE_PACKET,  /* the guest sends a command packet */
    IDE_PHASE_READ,    /* waits for data of the drive */
    IDE_PHASE_WRITE,   /* waits until the drive has taken .buf */
    IDE_PHASE_CONTROL, /* waits for a flush, a discard */
    IDE_PHASE_DMA_IN,  /* .buf goes to the guest */
    IDE_PHASE_DMA_OUT, /* .buf comes from the guest */
    IDE_PHASE_COUNT
} IdePhase;

/* First of the two is what was written last, second what it was before: the
 * high order bytes of 48-bit commands (ATA7 6.2). */
typedef struct IdeTask {
    uint8_t feature, count, lba[3];
} IdeTask;

struct IdeDrive {
    Device dev;    /* first */
    IdeBus *bus;   /* borrowed: of the controller */
    unsigned unit; /* on the channel */
    Drive *drive;  /* borrowed: of the Vm; NULL: a CD drive that is empty */
    IdeTask task[2];
    uint8_t device, error, status, command;
    bool intrq; /* the drive asserts its line */
    uint8_t phase;
    bool dma; /* of the command at work */
    uint8_t buf[IDE_BUF_BYTES];
    uint32_t at, drq_end, end; /* next byte, of the block at hand, of .buf */
    uint32_t block;            /* most bytes of a DRQ block */
    uint64_t lba;              /* next sector to ask for */
    uint32_t left;             /* sectors to ask for */
    uint32_t asked;            /* sectors of the request at work */
    uint32_t tag;              /* of it: answers to older ones are dropped */
    /* ATA settings */
    uint8_t multiple;       /* sectors of a DRQ block; 0: off */
    uint8_t heads, sectors; /* current translation */
    uint16_t mwdma, udma;   /* selected modes, as in IDENTIFY words 63, 88 */
    bool write_cache, look_ahead, smart, smart_autosave;
    /* ATAPI */
    uint8_t packet[IDE_PACKET_BYTES];
    uint8_t sense, asc, ascq;
    bool attention_reset; /* to be reported: reset, new medium */
    bool attention_medium;
    uint8_t media_event;   /* next answer of GET EVENT STATUS */
    uint32_t sector_bytes; /* of READ CD: 2048 or CD_RAW_SECTOR */
    /* properties */
    char *drive_id, *bus_name, *serial, *version, *model;
    uint64_t wwn;
    uint32_t unit_prop;
    uint32_t cyls_prop, heads_prop, secs_prop;
    uint32_t rotation;
    int32_t bootindex;
};

/* What the controller does for a channel. */
typedef struct IdeBusOps {
    void (*set_irq)(IdeBus *bus, bool level);
    /* Move up to @size bytes of a DMA command; fewer when the engine is off or
     * its table has ended. */
    uint32_t (*dma)(IdeBus *bus, uint8_t *buf, uint32_t size, bool to_guest);
} IdeBusOps;

/* A channel; part of its controller's state. */
struct IdeBus {
    const IdeBusOps *ops; /* of the controller */
    Device *owner;        /* borrowed: the controller */
    unsigned index;
    IdeDrive *drive[IDE_UNITS]; /* borrowed: of the Vm */
    uint8_t selected;           /* 0, 1 */
    uint8_t control;
    bool irq; /* level of the line */
};
extern const StateField ide_bus_rows[];

/* --- bus.c: registers ------------------------------------------------------- */
uint64_t ide_bus_read(IdeBus *bus, unsigned reg); /* 1 to 7 */
uint64_t ide_bus_peek(IdeBus *bus, unsigned reg);
void ide_bus_write(IdeBus *bus, unsigned reg, uint8_t v);
uint16_t ide_bus_data_read(IdeBus *bus, unsigned size);
void ide_bus_data_write(IdeBus *bus, uint16_t v, unsigned size);
uint8_t ide_bus_alt_status(const IdeBus *bus);
void ide_bus_control(IdeBus *bus, uint8_t v);
/** ide_bus_dma_ready() - the engine was switched on */
void ide_bus_dma_ready(IdeBus *bus);
void ide_update_irq(IdeBus *bus);

/* --- drive.c: transfers of any drive ---------------------------------------- */
bool ide_is_cd(const IdeDrive *d);
void ide_signature(IdeDrive *d);
void ide_drive_reset(IdeDrive *d); /* software reset */
/** ide_done() - the command is over, with an interrupt */
void ide_done(IdeDrive *d, uint8_t status, uint8_t error);
void ide_abort(IdeDrive *d);
/** ide_send() - @size bytes of .buf to the guest, in DRQ blocks of at most
 *  @block bytes, or by DMA */
void ide_send(IdeDrive *d, uint32_t size, uint32_t block);
/** ide_receive() - as ide_send(), the other way; @irq: the first block of PIO
 *  is announced by an interrupt too */
void ide_receive(IdeDrive *d, uint32_t size, uint32_t block, bool irq);
/** ide_pio_moved() - the guest has moved the block at hand */
void ide_pio_moved(IdeDrive *d);
void ide_dma_go(IdeDrive *d);
void ide_raise(IdeDrive *d);
/* Requests to the drive, in sectors of 512 bytes; an answer comes to
 * ide_answer(). */
void ide_ask_read(IdeDrive *d, uint64_t lba, uint32_t sectors);
void ide_ask_write(IdeDrive *d, uint64_t lba, uint32_t sectors);
void ide_ask_flush(IdeDrive *d);
void ide_ask_discard(IdeDrive *d, uint64_t lba, uint32_t sectors);

/* --- ata.c, atapi.c ----------------------------------------------------------- */
void ata_command(IdeDrive *d, uint8_t command);
void atapi_command(IdeDrive *d, uint8_t command);
/** ata_diagnose() - EXECUTE DEVICE DIAGNOSTIC, of both drives */
void ata_diagnose(IdeDrive *d);
void ata_identify(IdeDrive *d);
void atapi_identify(IdeDrive *d);
bool ata_set_features(IdeDrive *d);
/* A block of data has been taken or sent whole; a request has been answered. */
void ata_buffer_done(IdeDrive *d);
void ata_answered(IdeDrive *d, BlkResult result);
void atapi_buffer_done(IdeDrive *d);
void atapi_answered(IdeDrive *d, BlkResult result);
void atapi_packet(IdeDrive *d);
void atapi_media(IdeDrive *d, DriveMedia what);
/** ata_smart() - command 0xb0 */
void ata_smart(IdeDrive *d);

#endif
