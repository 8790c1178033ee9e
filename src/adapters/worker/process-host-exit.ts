/** The host ended itself because a task made the process too large. */
export const EXIT_OUT_OF_MEMORY = 92;
