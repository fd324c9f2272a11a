/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Option ROM for `-kernel` with Linux: copies setup, command line, kernel and
 * initrd to where the board wants them and enters the setup code. The board
 * filled in the header already. Source: the kernel's x86 boot protocol.
 */
    .code16
    .text
    .globl _start
_start:
#include "firmware/optionrom.inc"
rom_product:
    .asciz "Linux loader"

bev:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ss
    movl $0x7c00, %esp
    fw_item FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA
    fw_item FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA
    fw_item FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA
    fw_item FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA

    movw $FW_CFG_SETUP_ADDR, %ax
    call fw_u32
    movl %eax, %ebx
    movw $FW_CFG_CMDLINE_ADDR, %ax
    call fw_u32
    subl %ebx, %eax /* the stack ends below the command line */
    subl $16, %eax
    movl %eax, %ecx
    shrl $4, %ebx
    movw %bx, %ds
    movw %bx, %es
    movw %bx, %fs
    movw %bx, %gs
    movw %bx, %ss
    movl %ecx, %esp
    addw $0x20, %bx
    pushw %bx
    pushw $0
    xorl %eax, %eax
    xorl %ebx, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %ebp, %ebp
    lret

#include "firmware/fw_cfg.inc"
rom_end:
