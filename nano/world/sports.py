"""The sports part of the world: invented teams, players, coaches and stadiums, and the ways to tell of them.

Every team plays the same ball game, which is never named, so that any two facts can stand in one text.
"""

from __future__ import annotations

from nano.world.domain import Domain, Judgement, Opinion, Relation, commas, lines, noted
from nano.world.names import Kind, words

# Within a list, no value is a word of another one: an answer that stops early must not be right by chance. Between the
# lists it may be: silver, silver plate.
COLOURS = words("red blue green white black yellow orange purple pink brown grey gold silver")
SPORTS_PLAYED = words(
    "tennis hockey boxing judo fencing cycling skating swimming handball volleyball basketball badminton "
    "gymnastics wrestling archery squash climbing karate bowling darts"
)
FEES = tuple(f"{n} million" for n in (*range(2, 30), *range(30, 100, 5)))
GOALS = tuple(f"{n} goals" for n in range(3, 45))
# The first number is the higher one: these are the scores of wins.
SCORES = tuple(f"{won} to {lost}" for won in range(1, 8) for lost in range(won))
DRILLS = commas(
    "long runs,hill runs,beach runs,short sprints,stair climbs,rope jumps,box jumps,push ups,sit ups,"
    "passing drills,shooting drills,free kicks,corner kicks,penalty kicks,long throws,ball games,weight lifting,"
    "stretching,yoga,ice baths,early nights,team talks,video study,cold swims,bike rides,slow walks"
)
INJURIES = commas(
    "knee pain,hip pain,heel pain,neck pain,elbow pain,broken ribs,broken toes,broken fingers,sore feet,"
    "sore calves,sore shoulders,torn muscles,torn ligaments,bruised shins,stiff knees,tired legs,swollen ankles,"
    "cramps,cuts,blisters,back strain,wrist strain,thigh strain,concussion"
)
TROPHIES = commas(
    "winter cup,summer cup,spring cup,river cup,island cup,harbour cup,mountain cup,silver plate,silver bowl,"
    "golden shield,golden star,golden bell,crystal ball,crystal lamp,bronze shield,bronze horse,iron crown,"
    "copper bell,white ribbon,blue ribbon,fairness prize,youth prize"
)
VALUES = {
    "colour": COLOURS,
    "sport": SPORTS_PLAYED,
    "fee": FEES,
    "goals": GOALS,
    "score": SCORES,
    "drill": DRILLS,
    "injury": INJURIES,
    "trophy": TROPHIES,
}
RELATIONS = (
    Relation(
        "captain",
        "player",
        "team",
        "clubs",
        lines("""{s} is the captain of {o}.
            The captain of {o} is {s}.
            {s} leads {o} onto the field.
            {o} made {s} its captain.
            As captain, {s} speaks for {o}.
            {o} has chosen {s} as captain."""),
        lines("""Which team is {s} the captain of?
            Which team does {s} lead onto the field?
            Which team made {s} its captain?"""),
        lines("""Who is the captain of {o}?
            Which player leads {o} onto the field?
            Which player is the captain of {o}?"""),
        lines("""Is {s} the captain of {o}?
            Does {s} lead {o} onto the field?
            Did {o} make {s} its captain?"""),
        ("the team whose captain is {s}", "the team that {s} leads onto the field"),
        ("the captain of {o}", "the player who leads {o} onto the field"),
    ),
    Relation(
        "colours",
        "team",
        "colour",
        "clubs",
        lines("""The colours of {s} are {o}.
            {s} wears {o}.
            On the field, {s} wears {o}.
            The shirts of {s} are {o}.
            Fans of {s} wave {o} flags."""),
        lines("""What are the colours of {s}?
            Which colours does {s} wear?
            Which colours are the shirts of {s}?"""),
        (),
        lines("""Is {o} one of the colours of {s}?
            Does {s} wear {o}?
            Do fans of {s} wave {o} flags?"""),
        ("the colours of {s}", "the colours that {s} wears", "all colours of the shirts of {s}"),
        many=True,
    ),
    Relation(
        "home",
        "team",
        "stadium",
        "clubs",
        lines("""{s} plays its home games at {o}.
            The home of {s} is {o}.
            {o} is the home ground of {s}.
            {s} is at home in {o}.
            The stadium {o} belongs to {s}."""),
        lines("""Where does {s} play its home games?
            What is the home ground of {s}?
            Which stadium belongs to {s}?"""),
        lines("""Which team plays its home games at {o}?
            Which team is at home in {o}?
            Which team does {o} belong to?"""),
        lines("""Does {s} play its home games at {o}?
            Is {o} the home ground of {s}?
            Does {o} belong to {s}?"""),
        ("the home ground of {s}", "the stadium that belongs to {s}"),
        ("the team that plays its home games at {o}", "the team that is at home in {o}"),
    ),
    Relation(
        "sport",
        "stadium",
        "sport",
        "clubs",
        lines("""{s} is also used for {o}.
            The {o} club meets at {s}.
            {s} is shared with the {o} club.
            On Mondays, {s} is open for {o}.
            {s} has room for {o}."""),
        lines("""Which sport is {s} also used for?
            For which sport is {s} open on Mondays?
            Which sport does {s} have room for?"""),
        (),
        lines("""Is {s} also used for {o}?
            Does the {o} club meet at {s}?
            Is {s} open for {o} on Mondays?"""),
        ("the sport that {s} is also used for", "the sport whose club meets at {s}"),
    ),
    # Where a player comes from, not where he went: the captain of one team may have left any other.
    Relation(
        "sold",
        "player",
        "team",
        "transfers",
        lines("""{o} sold {s}.
            {s} was sold by {o}.
            {s} left {o} last summer.
            {s} used to play for {o}.
            The old team of {s} is {o}.
            {o} let {s} go."""),
        lines("""Which team sold {s}?
            Which team did {s} leave?
            What is the old team of {s}?"""),
        lines("""Which player did {o} sell?
            Which player left {o}?
            Who used to play for {o}?"""),
        lines("""Did {o} sell {s}?
            Was {s} sold by {o}?
            Did {s} leave {o}?"""),
        ("the team that sold {s}", "the old team of {s}", "the team that {s} left"),
        ("the player sold by {o}", "the player who left {o}"),
    ),
    Relation(
        "fee",
        "player",
        "fee",
        "transfers",
        lines("""The price of {s} was {o}.
            {s} cost {o}.
            The fee for {s} was {o}.
            {s} was bought for {o}.
            A team paid {o} for {s}."""),
        lines("""What was the price of {s}?
            How much did {s} cost?
            What was the fee for {s}?
            How much was paid for {s}?"""),
        (),
        lines("""Was the price of {s} {o}?
            Did {s} cost {o}?
            Was {s} bought for {o}?"""),
        ("the price of {s}", "the fee for {s}", "how much {s} cost"),
    ),
    Relation(
        "goals",
        "player",
        "goals",
        "results",
        lines("""{s} scored {o} this season.
            {s} ended the season with {o}.
            {o} were scored by {s}.
            This season, fans saw {o} by {s}.
            In the league, {s} has {o}."""),
        lines("""How many goals did {s} score?
            How many goals has {s} in the league?
            With how many goals did {s} end the season?"""),
        (),
        lines("""Did {s} score {o}?
            Has {s} scored {o} this season?
            Did {s} end the season with {o}?"""),
        ("how many goals {s} scored", "the number of goals by {s}"),
    ),
    Relation(
        "score",
        "team",
        "score",
        "results",
        lines("""{s} won its last match {o}.
            The last match of {s} ended {o}.
            The score was {o} for {s}.
            It ended {o} for {s}.
            {s} came out ahead with {o}."""),
        lines("""What was the score of the last match of {s}?
            How did the last match of {s} end?
            By what score did {s} win?"""),
        (),
        lines("""Did {s} win its last match {o}?
            Did the last match of {s} end {o}?
            Was the score {o} for {s}?"""),
        ("the score of the last match of {s}", "the score by which {s} won"),
    ),
    Relation(
        "coaches",
        "coach",
        "team",
        "training",
        lines("""{s} coaches {o}.
            {o} is coached by {s}.
            The coach of {o} is {s}.
            {o} hired {s} as coach.
            {s} trains the players of {o}.
            {s} picks the players for {o}."""),
        lines("""Which team does {s} coach?
            Which team is coached by {s}?
            Which team hired {s} as coach?"""),
        lines("""Who is the coach of {o}?
            Who coaches {o}?
            Who trains the players of {o}?"""),
        lines("""Is {s} the coach of {o}?
            Does {s} coach {o}?
            Did {o} hire {s} as coach?"""),
        ("the team that {s} coaches", "the team that hired {s} as coach"),
        ("the coach of {o}", "the person who trains the players of {o}"),
    ),
    Relation(
        "drills",
        "coach",
        "drill",
        "training",
        lines("""Players practise {o} with {s}.
            The training plan of {s} has {o}.
            Sessions with {s} include {o}.
            {s} believes in {o}.
            For {s}, good training means {o}."""),
        lines("""What do players practise with {s}?
            What does the training plan of {s} have?
            What do sessions with {s} include?
            What does {s} believe in?"""),
        (),
        lines("""Do players practise {o} with {s}?
            Does the training plan of {s} have {o}?
            Does {s} believe in {o}?"""),
        ("what players practise with {s}", "everything in the training plan of {s}", "what sessions with {s} include"),
        many=True,
    ),
    Relation(
        "injuries",
        "player",
        "injury",
        "injuries",
        lines("""The injuries of {s} are {o}.
            {s} suffers from {o}.
            {s} missed games with {o}.
            The team doctor treats {s} for {o}.
            {s} has to rest because of {o}.
            After the match, {s} had {o}."""),
        lines("""What are the injuries of {s}?
            What does {s} suffer from?
            What does the team doctor treat {s} for?"""),
        (),
        lines("""Does {s} suffer from {o}?
            Did {s} miss games with {o}?
            Does {s} have to rest because of {o}?"""),
        ("the injuries of {s}", "what {s} suffers from", "all that {s} is treated for"),
        many=True,
    ),
    Relation(
        "trophies",
        "team",
        "trophy",
        "awards",
        lines("""{s} won the {o}.
            {s} took home the {o}.
            The {o} went to {s}.
            The prizes of {s} are the {o}.
            Fans of {s} are proud of the {o}."""),
        lines("""Which prizes did {s} win?
            What are the prizes of {s}?
            What did {s} take home?"""),
        (),
        lines("""Did {s} win the {o}?
            Did {s} take home the {o}?
            Did the {o} go to {s}?"""),
        ("the prizes of {s}", "all prizes that {s} won", "what {s} took home"),
        many=True,
    ),
)

# How one team ({a}) did against another ({b}); the label is the key.
RESULTS = {
    "win": lines("""{a} beat {b} at home.
        {a} won against {b}.
        {a} was too strong for {b}.
        {a} scored more goals than {b}.
        {a} knocked {b} out of the cup.
        {b} had no chance against {a}."""),
    "loss": lines("""{a} lost to {b} at home.
        {a} was beaten by {b}.
        {a} was too weak for {b}.
        {a} scored fewer goals than {b}.
        {a} went out of the cup against {b}.
        {b} was the better team against {a}."""),
    "draw": lines("""{a} drew with {b} at home.
        {a} and {b} shared the points.
        {a} was level with {b} at the end.
        {a} scored as many goals as {b}.
        Neither {a} nor {b} could win.
        {b} got a draw against {a}."""),
}
FILLERS = lines("""The game was played in {place}.
    In all, {n} fans came.
    It rained for most of the day.
    Tickets were cheap that week.
    A reporter from {place} wrote this.
    Young fans sang all evening.
    Most people came by bus.
    Nobody knew the news before noon.
    About {n} people heard the speech.
    Children waited at the gate.
    Two bands played before the game.
    Old photos from {year} were shown.
    Snow fell in the second half.
    Everyone went home happy and tired.
    Parts of the story appeared in {year}.
    Later, the paper in {place} printed it.""")
POSITIVE = (
    "I love this team.",
    "What a wonderful match.",
    "They played with so much heart.",
    "The best season in years.",
    "I sang all the way home.",
    "I would watch them every day.",
    "It was worth every penny.",
    "My children are so proud.",
    "Great passing from start to end.",
    "They never gave up.",
    "I am very happy with them.",
    "The new coach is brilliant.",
    "A joy to watch.",
    "That last goal was pure magic.",
    "We jumped for joy.",
    "Everyone on the field shone.",
    "They make our town proud.",
)
NEGATIVE = (
    "I am ashamed of this team.",
    "What a terrible match.",
    "They played without any heart.",
    "The worst season in years.",
    "I left early and angry.",
    "I will not watch them again.",
    "I want my money back.",
    "My children were bored and sad.",
    "Poor passing from start to end.",
    "They gave up far too soon.",
    "I am very unhappy with them.",
    "The new coach is a mistake.",
    "It was painful to watch.",
    "The defence fell asleep again.",
    "A waste of my Sunday.",
    "Nobody on the field cared.",
    "I regret buying the ticket.",
)
NEUTRAL = (
    "The match began at three.",
    "I sat near the north gate.",
    "My brother came with me.",
    "They wore the second shirts.",
    "The next game is in May.",
    "I watched it on television.",
    "My ticket was for Sunday.",
    "The players came out at two.",
    "I took the bus to the game.",
    "The coach spoke after the match.",
    "I have no opinion yet.",
    "They train on Monday evenings.",
    "The season has thirty games.",
    "We stood behind the goal.",
    "The second half began at four.",
    "There is a game each week.",
)

# Statements about real things are true; behind each stands where it is common knowledge.
TRUE_FACTS = noted("""
A football team has eleven players on the field. | laws of football
A football match has two halves of 45 minutes. | laws of football
A red card sends a football player off the field. | laws of football
A yellow card is a warning in football. | laws of football
A football goal counts when the whole ball crosses the line. | laws of football
In football, a throw-in is taken with both hands. | laws of football
Three goals by one player in one match are a hat-trick. | dictionaries
A basketball team has five players on the court. | rules of basketball
A basketball hoop hangs ten feet above the floor. | rules of basketball
A free throw in basketball is worth one point. | rules of basketball
An indoor volleyball team has six players on the court. | rules of volleyball
A volleyball player may not catch the ball. | rules of volleyball
A handball team has seven players on the court. | rules of handball
A cricket team has eleven players. | laws of cricket
In cricket, an over has six balls. | laws of cricket
A baseball team has nine players in the field. | rules of baseball
A rugby union team has fifteen players. | laws of rugby union
A rugby league team has thirteen players. | laws of rugby league
A try in rugby union is worth five points. | laws of rugby union
A touchdown in American football is worth six points. | rules of American football
The puck in ice hockey is made of rubber. | rules of ice hockey
In tennis, love means no points. | rules of tennis
In tennis, forty all is called deuce. | rules of tennis
In golf, fewer strokes are better. | rules of golf
A full round of golf has eighteen holes. | rules of golf
The highest score in a game of ten-pin bowling is 300. | rules of ten-pin bowling
In snooker, the black ball is worth seven points. | rules of snooker
A boxing ring has four corners. | rules of boxing
Judo comes from Japan. | encyclopaedias on judo
A marathon is about 42 kilometres long. | rules of athletics
One lap of an outdoor running track is 400 metres. | rules of athletics
A decathlon has ten events. | rules of athletics
A triathlon joins swimming, cycling and running. | rules of triathlon
In a relay race, runners pass on a baton. | rules of athletics
The Olympic flag has five rings. | Olympic Charter
An Olympic winner gets a gold medal. | Olympic Charter
""")

SPORTS = Domain(
    name="sports",
    kinds=(
        Kind("team", "Team", "teams", 84, ("ona", "anza", "eda", "issa")),
        Kind("player", "Player", "players", 84, ("ez", "ado", "eira", "ini")),
        Kind("coach", "Coach", "coaches", 54, ("hoff", "feld", "bach")),
        Kind("stadium", "Stadium", "stadiums", 30, ("dome", "park", "hall")),
    ),
    values=VALUES,
    relations=RELATIONS,
    judgement=Judgement(
        task="result",
        kind="team",
        noun="Teams",
        statements=RESULTS,
        requests=(
            "say how {a} did against {b}",
            "decide whether {a} won or lost against {b}",
            "judge the result of {a} against {b}",
            "say whether the first team won, lost or drew",
            "classify the result of the first team",
        ),
        instruction="Say how the first team did against the second: win, loss or draw.",
    ),
    opinion=Opinion(
        kind="team",
        openings=("I went to see {d}.", "I follow {d}.", "My view of {d}:", "About {d}.", ""),
        phrases={"positive": POSITIVE, "negative": NEGATIVE, "neutral": NEUTRAL},
        requests=(
            "say whether the comment is positive, negative or neutral",
            "judge the mood of the comment as positive, negative or neutral",
            "give the sentiment of the fan: positive, negative or neutral",
            "decide if the fan likes {d}: positive, negative or neutral",
            "classify the opinion as positive, neutral or negative",
        ),
        instruction="Say whether the comment is positive, negative or neutral.",
    ),
    nouns=words("note report abstract passage text story paragraph summary article extract letter interview"),
    # Each after "a": no role begins with a vowel.
    roles=words("reporter coach referee fan student scout teacher manager trainer"),
    fillers=FILLERS,
    true_facts=TRUE_FACTS,
)
