/**
 * Languages told apart by their commonest function words, as they are after folding: no dictionary, no model, and one
 * look-up a word. Enough to choose a stemmer; a text that shows none of them counts as English.
 */
const FUNCTION_WORDS = {
  english: `a an the of and to in is that it for was on are as with by at from this be or an which not have has had were but they
    their been its who what when where how why did does do would can could will there than into about`,
  german: `der die das und ist den dem des ein eine einen einem einer eines im nicht mit von zu zum zur auf fur als auch
    sich wie wird wurde wurden waren hat haben sind bei nach aus an am um oder aber uber durch er sie es welche welcher
    welches welchem welchen wer wo wann warum viele was in gab kann seine seiner diese dieser dieses mehr sein`,
  french: `le la les des et est une un dans du que qui pour par sur au aux avec il elle ne pas ce cette ces sont ont ete
    plus comme mais ou etait quel quelle quels combien quand pourquoi de`,
  spanish: `el la los las de del y en que es un una por para con se al como su sus lo fue son mas pero no donde cuando
    quien cual cuantos cuanto era entre sobre este esta`,
  italian: `il lo la gli le di del della dei delle e che in un una per con non sono da dal nel nella si come anche piu
    era fu ha quale quali quanti quando dove chi cosa alla al`,
  portuguese: `o os as de do da dos das e em no na nos nas que um uma para por com nao se foi ao como mais mas sao ser
    qual quais quantos quando onde quem pelo pela`,
  dutch: `de het een en van in is dat op te zijn met voor niet aan er om ook als door maar naar bij werd worden heeft
    deze welke wie wat hoe hoeveel wanneer waar waarom uit over`,
  swedish: `och att det som en pa av for med ar den till inte har om ett var fran vid eller hade vad vem nar hur manga
    vilken vilket dar de`,
  danish: `og at det som en pa af for med er den til ikke har om et var fra ved eller havde hvad hvem hvornar hvor mange
    hvilken hvilket der de blev af`,
  norwegian: `og at det som en pa av for med er den til ikke har om et var fra ved eller hadde hva hvem nar hvor mange
    hvilken hvilket der de ble av etter`,
  finnish: `ja on oli ei se etta kun joka han mutta tai kuin olivat ovat myos siita sen mika kuka missa milloin miten
    kuinka monta jotka niin mukaan`,
  hungarian: `a az es hogy nem is egy volt meg mint csak de ez ki mi hol mikor miert hogyan melyik hany vagy voltak
    szerint altal`,
  romanian: `si de la in cu pe un o este sunt care din pentru nu ca mai fost era sau al ale ce cine unde cand cum cate
    prin dupa`,
  turkish: `ve bir bu da de ile icin olarak olan en cok daha kim ne nerede zaman nasil kac hangi gibi sonra kadar
    tarafindan degil mi idi`,
} as const;

export type Language = keyof typeof FUNCTION_WORDS;

const LANGUAGES = Object.keys(FUNCTION_WORDS) as Language[];
/** By word, the places of its languages in `LANGUAGES`. */
const languagesOf = new Map<string, number[]>();
LANGUAGES.forEach((language, index) => {
  for (const word of new Set(FUNCTION_WORDS[language].split(/\s+/))) {
    languagesOf.set(word, [...(languagesOf.get(word) ?? []), index]);
  }
});
/** The beginning of a text says enough. */
const WORDS_READ_MAX = 200;

/** The language whose function words are most frequent; English unless another one has more of them. */
export function languageOf(words: Iterable<string>): Language {
  const counts = new Uint16Array(LANGUAGES.length);
  let read = 0;
  for (const word of words) {
    for (const index of languagesOf.get(word) ?? []) counts[index] = (counts[index] ?? 0) + 1;
    read += 1;
    if (read === WORDS_READ_MAX) break;
  }
  const best = counts.indexOf(Math.max(...counts));
  return LANGUAGES[best] ?? 'english';
}
