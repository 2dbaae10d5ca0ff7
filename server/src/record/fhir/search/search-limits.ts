/** Limits of the search itself; those a client meets first (parameters, values, page size) are in the kernel's LIMITS. */
export const SEARCH_LIMITS = {
  /** Newest rows looked through before the token index is asked: 1 ms at 2 million rows, and a common value fills its page from them. */
  probeRows: 1_000,
  /** The same for words and beginnings of names, which few resources have: the index finds them sooner than a longer look would. */
  probeSelectiveRows: 200,
  /** Resources that refer to one by one parameter before the newest rows are looked through first: fetching 320 takes 2.5 ms, a look through 1,000 rows 3. */
  fewReferences: 500,
  /** Rows fetched and opened at a time while a search is verified on opened bodies. */
  verifyBatchRows: 200,
  /** Of the first batch: where most candidates match, a page needs few. */
  verifyFirstRows: 24,
  /** Candidates opened for one condition of a write: it is looked at twice, the second time while all other writes wait. */
  conditionCandidatesMax: 200,
  /** Index rows and tokens of one resource: a code system of 20,000 concepts fits; more holds up everybody for seconds. */
  indexEntriesMax: 100_000,
  /** Matches counted for `_total=accurate` before the total is left out: counting further costs seconds. */
  countMax: 1_000_000,
  /** Matches counted for `_total=estimate` before the planner's estimate answers. */
  estimateMax: 10_000,
  /** Resource types of one system-level search: each is one branch of the statement. */
  typesMax: 20,
  /** `_include` and `_revinclude` parameters of one search: each is a query of its own. */
  includesMax: 20,
  /** References that one chained parameter may follow, `_has` counted alike: patients' data is at most four apart. */
  chainHopsMax: 5,
  /** Types that the chains of one search may lead through, over all ways: each is a part of the statement. */
  chainWaysMax: 100,
  /** Resources at the far end of a chain that are named by their numbers; beyond, the database joins them. */
  chainRowsMax: 500,
  /** Steps that all parameters of a tenant's own may take on one resource: a tenth of a second. Beyond, the rest finds nothing. */
  ownStepsMax: 100_000,
  /** Parameters of a tenant's own: each is evaluated at every write of its types. */
  ownParametersMax: 100,
  /** Starts of words that are indexed of one resource; of those with more, the text is looked at. */
  indexedWordsMax: 80,
  /** Words of one value of `_text` or `_content`. */
  searchedWordsMax: 20,
  /** Characters of a resource's text that `_text` and `_content` look through, some 50 pages: 60 ms where all are accented. */
  contentCharsMax: 200_000,
  /** Codes that `:in`, `:not-in`, `:above` and `:below` may stand for: each is a token of the statement. */
  expandedCodesMax: 5_000,
  /** Value sets and hierarchies that one search may name: each may take half a second. */
  expansionsMax: 10,
  /** Characters of one `_filter`. */
  filterCharsMax: 4_000,
  /** Comparisons of one `_filter`. */
  filterPartsMax: 50,
  /** Depth of parentheses, brackets and `not` in a `_filter`. */
  filterDepthMax: 10,
  /** Rounds of `_include:iterate`: what is included leads on so many times. */
  includeRoundsMax: 5,
  /** Sort keys; a longer list never changes the order of real data. */
  sortKeysMax: 5,
  /** Characters of a page link's token: with the address it must fit a URL of LIMITS.urlBytesMax. */
  pageTokenCharsMax: 12_000,
  /** Statement shapes that get a prepared name. Names are never taken back, because PostgreSQL keeps what a connection prepared. */
  namedStatementsMax: 300,
  /** Times a shape is seen before it is worth a name. */
  namedAfterUses: 3,
  /** Shapes watched for that. */
  watchedStatementsMax: 1_000,
  /** UCUM units kept converted; real data uses some hundreds. */
  unitsMax: 5_000,
} as const
