/** The shell's plain failure, and those of sysexits.h: EX_SOFTWARE, EX_CONFIG. */
export const EXIT_FAILURE = 1;
export const EXIT_SOFTWARE = 70;
export const EXIT_CONFIG = 78;
