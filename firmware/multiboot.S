/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Option ROM for `-kernel` with a multiboot kernel: copies the image, the
 * modules and the information block, adds the memory map of the BIOS and enters
 * the kernel in protected mode. Source: Multiboot Specification 0.6.96.
 */
#define MAP_AT 0x100    /* behind the information block, in its segment */
#define MAP_END 0xf00
#define INFO_FLAGS 0
#define INFO_MAP_LENGTH 44
#define INFO_MAP_ADDR 48
#define FLAG_MAP 0x40

    .code16
    .text
    .globl _start
_start:
#include "firmware/optionrom.inc"
rom_product:
    .asciz "multiboot loader"

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

    /* The map: a size field before each entry of INT 15, E820. */
    movw $FW_CFG_SETUP_ADDR, %ax
    call fw_u32
    movl %eax, %ebp /* information block */
    shrl $4, %eax
    movw %ax, %es
    xorl %ebx, %ebx
    movw $MAP_AT, %di
map_next:
    movl $20, %es:(%di)
    addw $4, %di
    movl $0xe820, %eax
    movl $20, %ecx
    movl $0x534d4150, %edx
    pushl %ebp
    int $0x15
    popl %ebp
    jc map_failed
    cmpl $0x534d4150, %eax
    jne map_failed
    addw $20, %di
    testl %ebx, %ebx
    jz map_done
    cmpw $MAP_END, %di
    jb map_next
    jmp map_done
map_failed:
    subw $4, %di
map_done:
    cli
    movzwl %di, %eax
    subl $MAP_AT, %eax
    jz no_map
    movl %eax, %es:INFO_MAP_LENGTH
    leal MAP_AT(%ebp), %eax
    movl %eax, %es:INFO_MAP_ADDR
    orl $FLAG_MAP, %es:INFO_FLAGS
no_map:
    jmp enter_kernel

#include "firmware/enter.inc"
#include "firmware/fw_cfg.inc"
rom_end:
