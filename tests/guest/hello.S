/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The smallest guest: a multiboot kernel that greets on COM1 and ends the
 * machine, through isa-debug-exit (iobase=0xf4) or ACPI S5 without it.
 */
#define COM1 0x3f8
#define LINE_STATUS 5
#define TRANSMITTER_EMPTY 0x20
#define DEBUG_EXIT 0xf4
#define PM_CONTROL 0x604 /* where SeaBIOS puts it */
#define SLEEP_ENABLE 0x2000

    .code32
    .text
    .align 4
    .long 0x1badb002 /* multiboot header without flags */
    .long 0
    .long -0x1badb002

    .globl _start
_start:
    movl $stack_end, %esp
    cmpl $0x2badb002, %eax
    jne no_loader
    movl $hello, %esi
    call print
    jmp leave
no_loader:
    movl $strange, %esi
    call print
leave:
    xorl %eax, %eax
    movw $DEBUG_EXIT, %dx
    outl %eax, %dx
    movw $SLEEP_ENABLE, %ax
    movw $PM_CONTROL, %dx
    outw %ax, %dx
stop:
    hlt
    jmp stop

/* esi = text with a final zero */
print:
    lodsb
    testb %al, %al
    jz 2f
    movb %al, %cl
    movw $(COM1 + LINE_STATUS), %dx
1:  inb %dx, %al
    testb $TRANSMITTER_EMPTY, %al
    jz 1b
    movb %cl, %al
    movw $COM1, %dx
    outb %al, %dx
    jmp print
2:  ret

hello:
    .asciz "hello from a bare-metal guest\r\n"
strange:
    .asciz "not started by a multiboot loader\r\n"

    .bss
    .align 16
    .skip 4096
stack_end:
