/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Option ROM for `-kernel` with a PVH kernel: copies the image, the initrd and
 * the start information, adds the memory map of the BIOS and enters the kernel
 * in protected mode. Source: the PVH boot ABI.
 */
#define MAP_AT 0x100    /* behind the start information, in its segment */
#define MAP_END 0xf00
#define ENTRY_BYTES 24  /* 20 of INT 15, E820, four of zeroes */
#define INFO_MAP_ADDR 40
#define INFO_MAP_ENTRIES 48

    .code16
    .text
    .globl _start
_start:
#include "firmware/optionrom.inc"
rom_product:
    .asciz "PVH loader"

bev:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ss
    movl $0x7c00, %esp
    inb $0x92, %al /* A20 on, no reset */
    orb $0x02, %al
    andb $0xfe, %al
    outb %al, $0x92
    fw_item FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA
    fw_item FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA
    fw_item FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA

    movw $FW_CFG_SETUP_ADDR, %ax
    call fw_u32
    movl %eax, %ebp /* start information */
    shrl $4, %eax
    movw %ax, %es
    xorl %ebx, %ebx
    movw $MAP_AT, %di
map_next:
    movl $0xe820, %eax
    movl $20, %ecx
    movl $0x534d4150, %edx
    pushl %ebp
    int $0x15
    popl %ebp
    jc map_done
    cmpl $0x534d4150, %eax
    jne map_done
    movl $0, %es:20(%di)
    addw $ENTRY_BYTES, %di
    incl %es:INFO_MAP_ENTRIES
    testl %ebx, %ebx
    jz map_done
    cmpw $MAP_END, %di
    jb map_next
map_done:
    cli
    leal MAP_AT(%ebp), %eax
    movl %eax, %es:INFO_MAP_ADDR
    jmp enter_kernel

#include "firmware/enter.inc"
#include "firmware/fw_cfg.inc"
rom_end:
