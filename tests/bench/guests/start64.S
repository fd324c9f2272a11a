/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot entry: to 64-bit mode with the first GiB mapped one to one (2 MiB
 * pages, also for ring 3) and SSE on; then bench_main(multiboot info). */
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
    mov %ebx, %edi
    push $0
    popf

    mov $0x87, %eax             /* present, writable, user, 2 MiB */
    mov $page_dir, %edx
    mov $512, %ecx
1:  mov %eax, (%edx)
    add $0x200000, %eax
    add $8, %edx
    loop 1b
    movl $page_dir + 7, page_dir_ptr
    movl $window_dir + 7, page_dir_ptr + 8
    movl $page_dir_ptr + 7, page_map

    mov $0x620, %eax            /* PAE, OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4
    mov $page_map, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx       /* EFER: SCE, LME */
    rdmsr
    or $0x101, %eax
    wrmsr
    mov $0x80000033, %eax       /* PG, NE, ET, MP, PE; EM and TS off */
    mov %eax, %cr0
    lgdt gdt_pointer
    ljmp $0x08, $2f

    .code64
2:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $stack_top, %rsp
    fninit
    mov %edi, %edi
    call bench_main
3:  hlt
    jmp 3b

/* void user_run(void (*code)(void), void *stack_end): run code in ring 3; it
 * comes back through user_leave(), which is int $0x81. */
    .globl user_run
user_run:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, saved_rsp
    push $0x23                  /* ss */
    lea -8(%rsi), %rsi          /* as after a call */
    push %rsi
    push $0x002                 /* rflags: interrupts off */
    push $0x2b                  /* cs */
    push %rdi
    iretq

    .globl user_leave_gate
user_leave_gate:
    mov saved_rsp, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

    .data
    .align 8
    .globl gdt
gdt:
    .quad 0
    .quad 0x00af9a000000ffff    /* 08 code, 64 bits */
    .quad 0x00cf92000000ffff    /* 10 data */
    .quad 0x00cffa000000ffff    /* 18 user code, 32 bits: for sysret's base */
    .quad 0x00cff2000000ffff    /* 20 user data */
    .quad 0x00affa000000ffff    /* 28 user code, 64 bits */
    .quad 0, 0                  /* 30 task state segment */
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt

    .bss
    .align 4096
page_map:
    .skip 4096
page_dir_ptr:
    .skip 4096
page_dir:
    .skip 4096
    .globl window_dir
window_dir:
    .skip 4096
    .align 16
    .skip 32768
    .globl stack_top
stack_top:
saved_rsp:
    .skip 8
    .section .note.GNU-stack, "", @progbits
