/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * The only file with instructions outside of rv32imc: it alone is assembled for rv32imc_zicsr. Given to the compiler that
 * links, that name would make Debian's toolchain choose the libraries of rv64.
 */
    .section .text.machine_instructions,"ax"
    .globl machine_instructions
    .type machine_instructions, %function
machine_instructions:
    csrr    a1, minstreth
    csrr    a0, minstret
    csrr    a2, minstreth
    bne     a1, a2, machine_instructions    /* the low half overflowed in between */
    ret
    .size machine_instructions, . - machine_instructions

    /* A semihosting call is these three instructions, none of them compressed, within one page. */
    .section .text.machine_semihosting,"ax"
    .globl machine_semihosting
    .type machine_semihosting, %function
    .p2align 4
machine_semihosting:
    .option push
    .option norvc
    slli    zero, zero, 0x1f
    ebreak
    srai    zero, zero, 7
    .option pop
    ret
    .size machine_semihosting, . - machine_semihosting
