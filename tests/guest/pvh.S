/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PVH kernel: checks what ebx points to (magic, memory map with RAM at 1 MiB,
 * command line), says so on COM1 and leaves through isa-debug-exit.
 */
#define COM1 0x3f8
#define DEBUG_EXIT 0x501
#define INFO_MAGIC 0x336ec578
#define INFO_CMDLINE 24
#define INFO_MAP_ADDR 40
#define INFO_MAP_ENTRIES 48
#define ENTRY_BYTES 24
#define STATUS_GOOD 0x10
#define STATUS_BAD 0x20

    .section .note.xen, "a", @note
    .align 4
    .long 4, 4, 18 /* owner's bytes, value's bytes, 32-bit entry */
    .asciz "Xen"
    .long _start

    .text
    .code32
    .globl _start
_start:
    mov $stack_top, %esp
    mov $bad, %esi
    cmpl $INFO_MAGIC, (%ebx)
    jne fail
    mov INFO_MAP_ADDR(%ebx), %edi
    mov INFO_MAP_ENTRIES(%ebx), %ecx
    test %ecx, %ecx
    jz fail
next:
    cmpl $0x100000, (%edi) /* the stretch above 1 MiB */
    jne 1f
    cmpl $1, 16(%edi)
    je found
1:  add $ENTRY_BYTES, %edi
    loop next
    jmp fail
found:
    mov INFO_CMDLINE(%ebx), %esi
    call print
    mov $good, %esi
    call print
    mov $STATUS_GOOD, %eax
    jmp leave
fail:
    call print
    mov $STATUS_BAD, %eax
leave:
    mov $DEBUG_EXIT, %dx
    outl %eax, %dx
    hlt

print:
    mov $COM1, %dx
2:  lodsb
    test %al, %al
    jz 3f
    outb %al, %dx
    jmp 2b
3:  ret

good: .asciz ": PVH start information is right\n"
bad: .asciz "PVH start information is wrong\n"

    .bss
    .align 16
    .skip 4096
stack_top:
