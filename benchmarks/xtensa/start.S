/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * Beginning and end of a program on QEMU's machine `sim`, and the instructions that lx106 has not: simcall 00 51 00, and the
 * divisions of the ESP32-S3 (RRR, a2 = a2 op a3).
 */
    .section .text.start, "ax"
    .global _start
_start:
    movi a2, 0 /* no exception: hardware loops work */
    wsr.ps a2
    isync
    movi sp, 0x67
    slli sp, sp, 24
    call0 main
    j machine_exit

    .align 4
    .global machine_exit
machine_exit: /* (code) */
    mov a3, a2
    movi a2, 1 /* exit */
    .byte 0x00, 0x51, 0x00

    .section .text.machine, "ax"
    .align 4
    .global machine_print
machine_print: /* (text, bytes) */
    mov a5, a3
    mov a4, a2
    movi a3, 1
    movi a2, 4 /* write */
    .byte 0x00, 0x51, 0x00
    ret

    .align 4
    .global machine_read
machine_read: /* (to, bytes): how many it could */
    mov a5, a3
    mov a4, a2
    movi a3, 0
    movi a2, 3 /* read */
    .byte 0x00, 0x51, 0x00
    ret

    .align 4
    .global machine_ticks
machine_ticks:
    rsr.ccount a2
    ret

    .macro DIVISION name, operation
    .align 4
    .global \name
\name:
    .byte 0x30, 0x22, \operation
    ret
    .endm
    DIVISION __divsi3, 0xD2
    DIVISION __umodsi3, 0xE2
    DIVISION __modsi3, 0xF2

    .align 4
    .global __udivsi3
__udivsi3: /* vectors that compute nothing may leave a divisor of 0, where the sum of a row's exponentials would be */
    beqz a3, 1f
    .byte 0x30, 0x22, 0xC2
1:  ret
