/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bare-metal guests: multiboot entry, interrupt stubs, calls guest_main(). */
#define MAGIC 0x1badb002
#define FLAGS 0x00000003

    .section .multiboot, "a"
    .align 4
    .long MAGIC, FLAGS, -(MAGIC + FLAGS)

    .section .text.start, "ax"
    .code32
    .globl _start
_start:
    mov $stack_top, %esp
    push $0
    popf
    lgdt gdt_pointer
    ljmp $0x08, $1f
1:  mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov %ax, %fs
    mov %ax, %gs
    call guest_main
    push %eax
    call guest_exit
2:  hlt
    jmp 2b

/* Vectors 0 to 47 push their number and join. */
    .altmacro
    .macro STUB n
stub_\n:
    .if \n != 8 && (\n < 10 || \n > 14) && \n != 17
    push $0
    .endif
    push $\n
    jmp stub_common
    .endm

    .set i, 0
    .rept 48
    STUB %i
    .set i, i + 1
    .endr

stub_common:
    pusha
    push %esp
    call guest_interrupt
    add $4, %esp
    popa
    add $8, %esp
    iret

    .section .rodata
    .globl guest_stubs
    .align 4
guest_stubs:
    .macro STUB_ADDRESS n
    .long stub_\n
    .endm
    .set i, 0
    .rept 48
    STUB_ADDRESS %i
    .set i, i + 1
    .endr

    .data
    .align 8
gdt:
    .quad 0
    .quad 0x00cf9a000000ffff
    .quad 0x00cf92000000ffff
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    .bss
    .align 16
    .skip 16384
stack_top:
    .section .note.GNU-stack, "", @progbits
