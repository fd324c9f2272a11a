/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A boot sector that reads and writes the disk it was loaded from through the
 * firmware (INT 13h) and prints a sum of all that it reads: for each pass, eight
 * sectors, and what is read back after they were written elsewhere, changed.
 */
#define PASSES 600
#define SECTORS 8
#define ELSEWHERE 8192
#define BUFFER 0x8000

    .code16
    .globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    sti
    mov %dl, drive
    xor %cx, %cx
pass:
    push %cx
    mov %cx, %ax
    shl $3, %ax
    inc %ax
    mov %ax, lba
    mov $0x42, %ah
    call disk
    call show
    incw BUFFER
    addw $ELSEWHERE, lba
    mov $0x4300, %ax
    call disk
    mov $0x42, %ah
    call disk
    call show
    mov $'\n', %al
    call put
    pop %cx
    inc %cx
    cmp $PASSES, %cx
    jb pass
    mov $'E', %al
    call put
    mov $'\n', %al
    call put
    mov $0x501, %dx /* isa-debug-exit */
    mov $0x10, %al
    out %al, %dx
1:  hlt
    jmp 1b

disk:
    mov drive, %dl
    mov $packet, %si
    int $0x13
    jnc 1f
    mov $'!', %al
    call put
1:  ret

show: /* a sum of the buffer, four digits */
    mov $BUFFER, %si
    mov $SECTORS * 256, %cx
    xor %bx, %bx
1:  lodsw
    rol $1, %bx
    add %ax, %bx
    loop 1b
    mov $4, %cx
1:  rol $4, %bx
    mov %bl, %al
    and $15, %al
    add $'0', %al
    cmp $'9', %al
    jbe 2f
    add $39, %al
2:  call put
    loop 1b
    mov $' ', %al

put: /* COM1 */
    push %dx
    push %ax
    mov $0x3fd, %dx
1:  in %dx, %al
    test $0x20, %al
    jz 1b
    pop %ax
    mov $0x3f8, %dx
    out %al, %dx
    pop %dx
    ret

drive:
    .byte 0
    .balign 4
packet:
    .byte 16, 0
    .word SECTORS, BUFFER, 0
lba:
    .quad 0
    .org 510
    .word 0xaa55
