export const OPENAI_BASE_URL = 'https://api.openai.com/v1';
/** Servers without keys want the header all the same. */
export const NO_KEY = 'none';
