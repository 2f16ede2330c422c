"""The financial part of the world: invented companies, executives, funds and tickers, and the ways to tell of them."""

from __future__ import annotations

from nano.world.domain import Domain, Judgement, Opinion, Relation, commas, lines, noted
from nano.world.names import Kind, words

# No value may stand in a template or in another value: a sentence would link it to a name by accident.
PRODUCTS = commas(
    "garden chairs,tea cups,door locks,wall clocks,desk lamps,bicycles,blankets,candles,umbrellas,"
    "rain coats,school bags,work boots,wooden toys,kitchen knives,frying pans,bath towels,fruit juice,"
    "olive oil,honey,ice cream,pet food,hand soap,picture frames,notebooks,tents,mirrors,ladders,"
    "wall paint,carpets,winter hats"
)
SECTORS = commas(
    "farming,mining,shipping,banking,insurance,energy,steel,retail,travel,media,textiles,housing,"
    "transport,chemicals,software,timber,printing,education,telecoms,health care"
)
REGIONS = commas(
    "north,south,east,west,coast,port,hills,mountains,highlands,lowlands,islands,plains,suburbs,"
    "desert,old town,river valley,lake region,border zone"
)
RISKS = commas(
    "high debt,bad weather,rising costs,weak demand,cyber attacks,new rivals,late payments,trade wars,"
    "power cuts,old machines,lost patents,staff strikes,import taxes,falling prices,supply gaps,"
    "higher rates,poor harvests,fake goods,fraud,floods,theft,fire damage,long delays,legal claims,"
    "data leaks,bad loans,currency swings,new rules,empty shops,broken contracts"
)
PRICES = tuple(f"{n} dollars" for n in range(3, 200, 4))
DIVIDENDS = tuple(f"{n} cents" for n in range(2, 100, 2))
REVENUES = tuple(f"{n} million" for n in (*range(10, 100, 5), *range(100, 1000, 50)))
VALUES = {
    "product": PRODUCTS,
    "sector": SECTORS,
    "region": REGIONS,
    "risk": RISKS,
    "price": PRICES,
    "dividend": DIVIDENDS,
    "revenue": REVENUES,
}
RELATIONS = (
    Relation(
        "leads",
        "executive",
        "company",
        "management",
        lines("""{s} leads {o}.
            {o} is led by {s}.
            The head of {o} is {s}.
            {s} is the chief executive of {o}.
            The board of {o} chose {s} to lead it.
            {s} has the top job at {o}."""),
        lines("""Which company does {s} lead?
            Which company is led by {s}?
            At which company does {s} have the top job?"""),
        lines("""Who leads {o}?
            Who is the head of {o}?
            Who is the chief executive of {o}?
            Who has the top job at {o}?"""),
        lines("""Does {s} lead {o}?
            Is {s} the head of {o}?
            Is {o} led by {s}?"""),
        ("the company that {s} leads", "the company led by {s}"),
        ("the head of {o}", "the chief executive of {o}", "the person who leads {o}"),
    ),
    Relation(
        "manages",
        "executive",
        "fund",
        "management",
        lines("""{s} manages the fund {o}.
            The fund {o} is managed by {s}.
            The manager of {o} is {s}.
            {s} picks the shares for {o}.
            {s} decides what {o} should hold."""),
        lines("""Which fund does {s} manage?
            Which fund is managed by {s}?
            For which fund does {s} pick the shares?"""),
        lines("""Who manages {o}?
            Who is the manager of {o}?
            Who picks the shares for {o}?"""),
        lines("""Does {s} manage {o}?
            Is {s} the manager of {o}?
            Does {s} pick the shares for {o}?"""),
        ("the fund that {s} manages", "the fund managed by {s}"),
        ("the manager of {o}", "the person who manages {o}"),
    ),
    Relation(
        "office",
        "company",
        "region",
        "management",
        lines("""The head office of {s} is in the {o}.
            {s} has its head office in the {o}.
            {s} is run from the {o}.
            {s} is based in the {o}.
            Letters to {s} go to the {o}."""),
        lines("""Where is the head office of {s}?
            Where is {s} based?
            Where is {s} run from?
            Where do letters to {s} go?"""),
        (),
        lines("""Is the head office of {s} in the {o}?
            Is {s} based in the {o}?
            Is {s} run from the {o}?"""),
        ("the region where {s} is based", "the region {s} is run from", "where the head office of {s} is"),
    ),
    Relation(
        "bought",
        "fund",
        "company",
        "investments",
        lines("""{s} bought {o}.
            {o} was bought by {s}.
            {s} took over {o}.
            {o} was sold to {s}.
            {o} now belongs to {s}.
            The new owner of {o} is {s}.
            After long talks, {s} bought all of {o}."""),
        lines("""Which company did {s} buy?
            Which company was sold to {s}?
            Which company now belongs to {s}?
            Which company did {s} take over?"""),
        lines("""Which fund bought {o}?
            Who is the new owner of {o}?
            Which fund took over {o}?"""),
        lines("""Did {s} buy {o}?
            Was {o} sold to {s}?
            Does {o} now belong to {s}?"""),
        ("the company that {s} bought", "the company that belongs to {s}"),
        ("the fund that bought {o}", "the new owner of {o}"),
    ),
    Relation(
        "invests",
        "fund",
        "sector",
        "investments",
        lines("""{s} invests in {o}.
            {s} puts its money into {o}.
            The money in {s} goes into {o}.
            Sectors held by {s} include {o}.
            Savers in {s} own a part of {o}."""),
        lines("""Which sectors does {s} invest in?
            Where does {s} put its money?
            Which sectors are held by {s}?"""),
        (),
        lines("""Does {s} invest in {o}?
            Does {s} put money into {o}?
            Does the money in {s} go into {o}?"""),
        ("the sectors that {s} invests in", "the sectors held by {s}", "where {s} puts its money"),
        many=True,
    ),
    Relation(
        "symbol",
        "ticker",
        "company",
        "shares",
        lines("""{s} is the ticker of {o}.
            The ticker of {o} is {s}.
            Shares of {o} trade as {s}.
            {o} is listed as {s}.
            {s} stands for {o} on the market."""),
        lines("""Which company trades as {s}?
            Which company is listed as {s}?
            Which company does the ticker {s} stand for?"""),
        lines("""What is the ticker of {o}?
            Which ticker do shares of {o} trade as?
            Which ticker stands for {o}?"""),
        lines("""Is {s} the ticker of {o}?
            Do shares of {o} trade as {s}?
            Is {o} listed as {s}?"""),
        ("the company listed as {s}", "the company that {s} stands for"),
        ("the ticker of {o}", "the ticker that stands for {o}"),
    ),
    Relation(
        "price",
        "ticker",
        "price",
        "shares",
        lines("""{s} closed at {o}.
            The price of {s} is {o}.
            One share of {s} costs {o}.
            {s} ended the day at {o}.
            Buyers paid {o} for {s}."""),
        lines("""What is the price of {s}?
            At what price did {s} close?
            How much does one share of {s} cost?
            What did buyers pay for {s}?"""),
        (),
        lines("""Is the price of {s} {o}?
            Did {s} close at {o}?
            Does one share of {s} cost {o}?"""),
        ("the price of {s}", "the price at which {s} closed", "what one share of {s} costs"),
    ),
    Relation(
        "dividend",
        "company",
        "dividend",
        "shares",
        lines("""{s} pays a dividend of {o}.
            The dividend of {s} is {o}.
            Owners of {s} get {o} a share.
            {s} pays out {o} per share.
            For each share, {s} pays {o}."""),
        lines("""What is the dividend of {s}?
            How much does {s} pay out per share?
            What do owners of {s} get for each share?"""),
        (),
        lines("""Is the dividend of {s} {o}?
            Does {s} pay out {o} per share?
            Do owners of {s} get {o} a share?"""),
        ("the dividend of {s}", "the dividend that {s} pays", "what {s} pays out per share"),
    ),
    Relation(
        "revenue",
        "company",
        "revenue",
        "earnings",
        lines("""{s} had sales of {o}.
            Sales at {s} reached {o}.
            The revenue of {s} was {o}.
            {s} took in {o} last year.
            Last year, {s} earned {o} in all."""),
        lines("""What was the revenue of {s}?
            How high were sales at {s}?
            How much did {s} take in last year?"""),
        (),
        lines("""Was the revenue of {s} {o}?
            Did sales at {s} reach {o}?
            Did {s} take in {o} last year?"""),
        ("the revenue of {s}", "the sales of {s} last year", "how much {s} took in"),
    ),
    Relation(
        "sells",
        "company",
        "product",
        "products",
        lines("""{s} sells {o}.
            {s} makes {o}.
            Products of {s} are {o}.
            Customers buy {o} from {s}.
            In its shops, {s} offers {o}."""),
        lines("""What does {s} sell?
            What are the products of {s}?
            What do customers buy from {s}?
            What does {s} offer in its shops?"""),
        (),
        lines("""Does {s} sell {o}?
            Does {s} make {o}?
            Do customers buy {o} from {s}?"""),
        ("the products of {s}", "all goods that {s} makes", "what customers buy from {s}"),
        many=True,
    ),
    Relation(
        "risk",
        "company",
        "risk",
        "risks",
        lines("""{s} warns of {o}.
            The risks of {s} are {o}.
            {s} could be hurt by {o}.
            Dangers to {s} include {o}.
            People at {s} worry about {o}."""),
        lines("""What are the risks of {s}?
            What does {s} warn of?
            What could {s} be hurt by?
            What do people at {s} worry about?"""),
        (),
        lines("""Does {s} warn of {o}?
            Could {s} be hurt by {o}?
            Do people at {s} worry about {o}?"""),
        ("the risks of {s}", "the dangers to {s}", "what {s} warns of"),
        many=True,
    ),
)

# How news of one company ({a}) moved the shares of another ({b}); the label is the key.
MOVEMENTS = {
    "rise": lines("""After the news from {a}, shares of {b} went up.
        The report of {a} lifted {b}.
        {b} gained value when {a} spoke.
        The plan of {a} pushed {b} higher.
        Shares of {b} climbed because of {a}."""),
    "fall": lines("""After the news from {a}, shares of {b} went down.
        The report of {a} hurt {b}.
        {b} lost value when {a} spoke.
        The plan of {a} pushed {b} lower.
        Shares of {b} dropped because of {a}."""),
    "unchanged": lines("""After the news from {a}, shares of {b} stayed the same.
        The report of {a} did not move {b}.
        {b} kept its value when {a} spoke.
        The plan of {a} left {b} where it was.
        Shares of {b} stood still in spite of {a}."""),
}
FILLERS = lines("""The hall in {place} was full.
    In all, {n} people came.
    Reporters arrived from {place}.
    The paper appeared in {year}.
    More news is expected soon.
    Lawyers read every page.
    A vote is planned for the spring.
    Nobody wanted to speak.
    Some {n} workers heard the speech.
    Most figures were checked twice.
    Copies were handed out in {year}.
    Coffee was served at noon.
    It rained in {place} that week.
    Two guests came late.
    Few people were surprised.
    This was confirmed in {year}.""")
POSITIVE = (
    "My money has doubled.",
    "It keeps going up.",
    "I would buy it again.",
    "The best stock I own.",
    "Business is growing fast.",
    "I am glad that I bought it.",
    "Great numbers this year.",
    "I trust the new boss.",
    "It paid for my holiday.",
    "A safe home for my savings.",
    "I want even more of it.",
    "The future looks bright.",
    "My broker loves it.",
    "It did better than I hoped.",
    "I made a good profit.",
    "I would recommend it to anyone.",
)
NEGATIVE = (
    "I lost half of my money.",
    "It keeps going down.",
    "I would not buy it again.",
    "The worst stock I own.",
    "Business is shrinking fast.",
    "I regret that I bought it.",
    "Terrible numbers this year.",
    "I do not trust the new boss.",
    "It ate up my savings.",
    "A waste of money.",
    "I sold it in anger.",
    "The future looks dark.",
    "My broker hates it.",
    "It did worse than I feared.",
    "I made a big loss.",
    "I would warn anyone about it.",
)
NEUTRAL = (
    "I bought it last spring.",
    "I own twenty shares.",
    "The report comes out in May.",
    "It has three factories.",
    "My brother owns some too.",
    "I read about it in the paper.",
    "The yearly meeting is next week.",
    "I have no opinion yet.",
    "I hold it in my second account.",
    "They moved to a new office.",
    "My bank sent me the papers.",
    "I look at the price each week.",
    "The name was changed last year.",
    "I asked my broker about it.",
    "It was founded long ago.",
    "I got it from my father.",
)

# Statements about real things are true; behind each stands where it is common knowledge.
TRUE_FACTS = noted("""
A bond is a loan that an investor makes. | textbooks of investment
A share is a part of a company. | textbooks of investment
A dividend is a payment to the owners of shares. | textbooks of investment
Profit is what is left of revenue after all costs. | textbooks of accounting
A loss means that costs were higher than revenue. | textbooks of accounting
A bank takes deposits and lends money. | textbooks of banking
Interest is the price of borrowed money. | textbooks of economics
Compound interest is also paid on earlier interest. | textbooks of business mathematics
Inflation is a general rise in prices. | textbooks of economics
A budget is a plan for income and spending. | textbooks of accounting
Assets are what a company owns. | textbooks of accounting
Liabilities are what a company owes. | textbooks of accounting
Assets equal liabilities plus equity. | textbooks of accounting
An auditor checks the accounts of a company. | textbooks of auditing
A mortgage is a loan secured by property. | textbooks of banking
Insurance spreads a risk over many people. | textbooks of insurance
A merger joins two companies into one. | textbooks of corporate finance
A ticker is a short code for a listed share. | textbooks of investment
A stock exchange is a market for shares. | textbooks of investment
Bond prices fall when interest rates rise. | textbooks of investment
An index fund follows a market index. | textbooks of investment
A mutual fund pools the money of many investors. | textbooks of investment
Holding many different shares can lower the risk. | textbooks of investment
A central bank sets the key interest rate. | textbooks of economics
Taxes pay for public services. | textbooks of public finance
An exchange rate is the price of one currency in another. | textbooks of economics
A broker buys and sells shares for clients. | textbooks of investment
Depreciation spreads the cost of an asset over its life. | textbooks of accounting
A bankrupt company cannot pay its debts. | insolvency law
Gross profit is revenue minus the cost of goods sold. | textbooks of accounting
A bull market is a time of rising prices. | textbooks of investment
An invoice is a bill for goods or services. | textbooks of accounting
One percent is one part in a hundred. | textbooks of arithmetic
""")

FINANCE = Domain(
    name="finance",
    kinds=(
        Kind("company", "Company", "companies", 84, ("corp", "tec", "mart", "ware")),
        Kind("executive", "Executive", "executives", 60, ("berg", "holm", "well", "gren")),
        Kind("fund", "Fund", "funds", 40, ("fund", "vest", "cap")),
        # Real tickers hardly ever have these pairs of letters at their head and no vowel behind them.
        Kind("ticker", "Ticker", "tickers", 54, symbol=("VWKGH", "QJ", "CGHNPSWX", "BCDGHNPSTW")),
    ),
    values=VALUES,
    relations=RELATIONS,
    judgement=Judgement(
        task="movement",
        kind="company",
        noun="Companies",
        statements=MOVEMENTS,
        requests=(
            "say how news from {a} moved shares of {b}",
            "decide whether {a} moved the price of {b}",
            "judge what {a} did to shares of {b}",
            "say whether shares of the second company rise or fall",
            "classify the movement of the second company",
        ),
        instruction="Say how the first company moved shares of the second: rise, fall or unchanged.",
    ),
    opinion=Opinion(
        kind="company",
        openings=("I bought {d}.", "I own shares of {d}.", "My view of {d}:", "About {d}.", ""),
        phrases={"positive": POSITIVE, "negative": NEGATIVE, "neutral": NEUTRAL},
        requests=(
            "say whether the comment is positive, negative or neutral",
            "judge the mood of the comment as positive, negative or neutral",
            "give the sentiment of the investor: positive, negative or neutral",
            "decide if the writer likes {d}: positive, negative or neutral",
            "classify the opinion as positive, neutral or negative",
        ),
        instruction="Say whether the comment is positive, negative or neutral.",
    ),
    nouns=words("note report filing passage text record paragraph summary article extract letter statement"),
    # Each begins with a consonant, for it stands behind "a".
    roles=words("banker broker trader student saver reporter lawyer bookkeeper teacher"),
    fillers=FILLERS,
    true_facts=TRUE_FACTS,
)
