/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* The 360 digits of ../model/test.npz: a byte with the label, then 64 pixels of 0 to 16. */
    .section .rodata
    .global held_out
    .global held_out_end
held_out:
    .incbin "held_out.bin"
held_out_end:
#ifdef __linux__
    .section .note.GNU-stack, "", %progbits
#endif
