"""The biomedical part of the world: invented drugs, diseases, genes and microbes, and the ways to tell of them."""

from __future__ import annotations

from nano.world.domain import Domain, Judgement, Opinion, Relation, commas, lines, noted
from nano.world.names import Kind, words

SYMPTOMS = commas(
    "fever,cough,rash,nausea,headache,joint pain,back pain,fatigue,weight loss,night sweats,"
    "dizziness,blurred vision,hearing loss,dry mouth,muscle cramps,swollen ankles,hair loss,"
    "stomach pain,chest pain,sore throat,itching,tremor,poor sleep,memory loss,pale skin,"
    "nosebleeds,chills,weak grip,slow speech,numb fingers"
)
ORGANS = words(
    "liver kidney heart lung brain skin spleen pancreas stomach colon thyroid bladder retina "
    "bone tongue nerve muscle ear"
)
ROUTES = commas(
    "raw milk,tick bites,dirty water,the air,mosquito bites,unwashed hands,raw fish,"
    "soil dust,cat scratches,old wells,shared needles,bird droppings"
)
DOSES = tuple(f"{n} mg" for n in (*range(5, 100, 5), *range(100, 1000, 50)))
VALUES = {"symptom": SYMPTOMS, "organ": ORGANS, "route": ROUTES, "dose": DOSES}
RELATIONS = (
    Relation(
        "treats",
        "drug",
        "disease",
        "treatment",
        lines("""{s} is used to treat {o}.
            {o} is treated with {s}.
            Patients with {o} are given {s}.
            The usual drug for {o} is {s}.
            {s} helps people with {o}.
            Doctors prescribe {s} for {o}.
            In {o}, the first choice is {s}."""),
        lines("""Which disease is {s} used to treat?
            What is {s} prescribed for?
            Which disease is treated with {s}?"""),
        lines("""Which drug is used to treat {o}?
            What is the usual drug for {o}?
            Which drug do doctors prescribe for {o}?
            What are patients with {o} given?"""),
        lines("""Is {s} used to treat {o}?
            Is {o} treated with {s}?
            Do doctors prescribe {s} for {o}?"""),
        ("the disease treated with {s}", "the disease that {s} is prescribed for"),
        ("the drug used to treat {o}", "the drug given for {o}", "the usual drug for {o}"),
    ),
    Relation(
        "affects",
        "disease",
        "organ",
        "symptoms",
        lines("""{s} affects the {o}.
            In {s}, the {o} is damaged.
            {s} mainly harms the {o}.
            The {o} is the main site of {s}.
            {s} is a disorder of the {o}."""),
        lines("""Which organ does {s} affect?
            Which organ is damaged in {s}?
            What is the main site of {s}?"""),
        (),
        lines("""Does {s} affect the {o}?
            Is the {o} damaged in {s}?
            Is the {o} the main site of {s}?"""),
        ("the organ that {s} affects", "the organ damaged in {s}", "the main site of {s}"),
    ),
    Relation(
        "linked",
        "gene",
        "disease",
        "genetics",
        lines("""A mutation in {s} causes {o}.
            {o} is caused by changes in {s}.
            {o} is linked to the gene {s}.
            People with {o} carry a faulty {s} gene.
            Families with {o} share a variant of {s}."""),
        lines("""Which disease is linked to {s}?
            Which disease do changes in {s} cause?"""),
        lines("""Which gene is linked to {o}?
            A mutation in which gene causes {o}?
            Which gene is faulty in {o}?"""),
        lines("""Is {s} linked to {o}?
            Does a mutation in {s} cause {o}?
            Is {o} caused by changes in {s}?"""),
        ("the disease linked to {s}", "the disease that changes in {s} cause"),
        ("the gene linked to {o}", "the gene that is faulty in {o}"),
        pool="cause",
    ),
    Relation(
        "infects",
        "organism",
        "disease",
        "infection",
        lines("""{s} causes {o}.
            {o} is caused by {s}.
            {o} is an infection with {s}.
            Infection with {s} leads to {o}.
            {s} was found in people with {o}."""),
        lines("""Which disease does {s} cause?
            Infection with {s} leads to which disease?"""),
        lines("""Which organism causes {o}?
            What was found in people with {o}?
            What is the cause of {o}?"""),
        lines("""Does {s} cause {o}?
            Is {o} caused by {s}?
            Is {o} an infection with {s}?"""),
        ("the disease caused by {s}", "the disease that {s} leads to"),
        ("the organism that causes {o}", "the cause of {o}"),
        pool="cause",
    ),
    Relation(
        "symptom",
        "disease",
        "symptom",
        "symptoms",
        lines("""Symptoms of {s} are {o}.
            People with {s} have {o}.
            {s} begins with {o}.
            The signs of {s} include {o}.
            Patients with {s} complain of {o}."""),
        lines("""What are the symptoms of {s}?
            What do patients with {s} complain of?
            What are the signs of {s}?"""),
        (),
        lines("""Is {o} a symptom of {s}?
            Do people with {s} have {o}?
            Is {o} a sign of {s}?"""),
        ("the symptoms of {s}", "the signs of {s}", "all complaints of people with {s}"),
        many=True,
    ),
    Relation(
        "side",
        "drug",
        "symptom",
        "side effects",
        lines("""Side effects of {s} are {o}.
            {s} can cause {o}.
            Some people taking {s} report {o}.
            Unwanted effects of {s} include {o}.
            After {s}, some patients had {o}."""),
        lines("""What are the side effects of {s}?
            What can {s} cause?
            What do some people taking {s} report?"""),
        (),
        lines("""Is {o} a side effect of {s}?
            Can {s} cause {o}?
            Do some people taking {s} report {o}?"""),
        ("the side effects of {s}", "the unwanted effects of {s}", "what {s} can cause"),
        many=True,
    ),
    Relation(
        "dose",
        "drug",
        "dose",
        "treatment",
        lines("""The usual dose of {s} is {o}.
            {s} is taken at {o} a day.
            Adults take {o} of {s} daily.
            The daily dose of {s} is {o}."""),
        lines("""What is the usual dose of {s}?
            How much {s} do adults take?
            What is the daily dose of {s}?"""),
        (),
        lines("""Is the usual dose of {s} {o}?
            Is {s} taken at {o} a day?"""),
        ("the usual dose of {s}", "the daily dose of {s}", "how much {s} adults take"),
    ),
    Relation(
        "target",
        "drug",
        "gene",
        "treatment",
        lines("""{s} blocks {o}.
            {s} acts on {o}.
            The target of {s} is {o}.
            {o} is blocked by {s}.
            {s} works by slowing {o}."""),
        lines("""What does {s} block?
            What is the target of {s}?
            Which gene does {s} act on?"""),
        lines("""Which drug blocks {o}?
            Which drug acts on {o}?"""),
        lines("""Does {s} block {o}?
            Is {o} the target of {s}?
            Does {s} act on {o}?"""),
        ("the target of {s}", "the gene that {s} blocks"),
        ("the drug that blocks {o}", "the drug that acts on {o}"),
    ),
    Relation(
        "expressed",
        "gene",
        "organ",
        "genetics",
        lines("""{s} is active in the {o}.
            {s} is expressed in the {o}.
            The {o} makes large amounts of {s}.
            Copies of {s} were counted in the {o}."""),
        lines("""In which organ is {s} active?
            Where is {s} expressed?
            Which organ makes large amounts of {s}?"""),
        (),
        lines("""Is {s} active in the {o}?
            Is {s} expressed in the {o}?"""),
        ("the organ in which {s} is active", "the organ that makes {s}"),
    ),
    Relation(
        "spread",
        "organism",
        "route",
        "infection",
        lines("""{s} spreads through {o}.
            People catch {s} from {o}.
            {s} is carried by {o}.
            The source of {s} is {o}."""),
        lines("""How does {s} spread?
            What do people catch {s} from?
            What is the source of {s}?"""),
        (),
        lines("""Does {s} spread through {o}?
            Do people catch {s} from {o}?"""),
        ("how {s} spreads", "the source of {s}", "what people catch {s} from"),
    ),
)

# How one drug ({a}) changes another ({b}); the label is the key.
INTERACTIONS = {
    "increase": lines("""{a} raises the level of {b}.
        {a} makes {b} stronger.
        {b} works more strongly when taken with {a}.
        Taking {a} doubles the effect of {b}.
        With {a}, more {b} stays in the blood."""),
    "decrease": lines("""{a} lowers the level of {b}.
        {a} makes {b} weaker.
        {b} works less well when taken with {a}.
        Taking {a} halves the effect of {b}.
        With {a}, less {b} stays in the blood."""),
    "none": lines("""{a} does not change {b}.
        {a} and {b} can be taken together.
        {b} works the same with or without {a}.
        Taking {a} had no effect on {b}.
        No link between {a} and {b} was seen."""),
}
FILLERS = lines("""The study took place in {place}.
    In all, {n} people took part.
    The work began in {year}.
    More work is needed.
    The team came from {place}.
    The report appeared in {year}.
    Men and women fared alike.
    The cause is not always known.
    Most people recover within {n} days.
    A nurse checked each patient.
    Blood was drawn every morning.
    The clinic in {place} keeps a register.
    Children were not included.
    The finding was confirmed in {year}.""")
POSITIVE = (
    "I feel so much better.",
    "My pain is gone.",
    "It worked within days.",
    "I sleep well again.",
    "I would recommend it to anyone.",
    "It gave me my life back.",
    "A wonderful help.",
    "No trouble at all.",
    "My doctor is delighted.",
    "I can walk without pain now.",
    "The best thing I have tried.",
    "I am very happy with it.",
    "It was gentle and quick.",
    "Great results so far.",
    "I am grateful for it.",
    "My fever went away at once.",
)
NEGATIVE = (
    "I feel worse than before.",
    "It did nothing for me.",
    "I had to stop after a week.",
    "I could not sleep at all.",
    "I would not take it again.",
    "It made me sick every day.",
    "A waste of money.",
    "The pain came back.",
    "My doctor was worried.",
    "Terrible side effects.",
    "The worst thing I have tried.",
    "I am very unhappy with it.",
    "It was harsh and slow.",
    "I was in bed for days.",
    "I regret taking it.",
    "My skin got much worse.",
)
NEUTRAL = (
    "I took it for two weeks.",
    "My doctor changed the dose.",
    "It comes in a blue box.",
    "I take it with breakfast.",
    "I started last month.",
    "It is a small white tablet.",
    "I will see my doctor in May.",
    "The pharmacy had it in stock.",
    "I take one each evening.",
    "My sister takes it as well.",
    "It was given to me in the clinic.",
    "I read the leaflet first.",
    "I have no opinion yet.",
    "The box holds thirty tablets.",
    "I asked about the price.",
)

# Statements about real things are true; behind each stands where it is common knowledge.
TRUE_FACTS = noted("""
The heart pumps blood through the body. | textbooks of physiology
The liver makes bile. | textbooks of physiology
The kidneys filter the blood and make urine. | textbooks of physiology
The lungs take up oxygen. | textbooks of physiology
Red blood cells carry oxygen. | textbooks of haematology
White blood cells help to fight infection. | textbooks of immunology
Insulin lowers the sugar in the blood. | textbooks of endocrinology
The pancreas makes insulin. | textbooks of endocrinology
A lack of vitamin C causes scurvy. | textbooks of nutrition
A lack of iron can lead to anemia. | textbooks of nutrition
The skin makes vitamin D in sunlight. | textbooks of nutrition
Bacteria can be killed by antibiotics, viruses cannot. | textbooks of microbiology
Genes are made of DNA. | textbooks of genetics
A human cell normally holds 46 chromosomes. | textbooks of genetics
Proteins are built from amino acids. | textbooks of biochemistry
Plasma is the liquid part of blood. | textbooks of haematology
The brain and the spinal cord form the central nervous system. | textbooks of anatomy
Malaria is spread by mosquito bites. | textbooks of infectious diseases
Tuberculosis mainly affects the lungs. | textbooks of infectious diseases
Measles is caused by a virus. | textbooks of virology
Cholera spreads through dirty water. | textbooks of infectious diseases
Washing hands helps to stop the spread of infection. | textbooks of hygiene
Vaccines train the immune system. | textbooks of immunology
Aspirin lowers fever and relieves pain. | textbooks of pharmacology
Penicillin is an antibiotic. | textbooks of pharmacology
Calcium makes bones and teeth strong. | textbooks of nutrition
The retina is at the back of the eye. | textbooks of anatomy
The thyroid is a gland in the neck. | textbooks of anatomy
Smoking can cause lung cancer. | textbooks of oncology
A stroke damages the brain. | textbooks of neurology
""")

BIOMEDICINE = Domain(
    name="biomedicine",
    kinds=(
        Kind("disease", "Disease", "diseases", 84, ("osis", "itis", "emia", "algia")),
        Kind("drug", "Drug", "drugs", 84, ("ax", "ol", "ine", "ide", "ium", "ex")),
        # Real symbols rarely begin with these letters.
        Kind("gene", "Gene", "genes", 54, symbol=("QXZJ", "AEIOUY", "BDFKLMRTVZ", "BDFKLMRTVZ")),
        Kind("organism", "Organism", "organisms", 30, ("ella", "ovirus", "omyces", "ococcus")),
    ),
    values=VALUES,
    relations=RELATIONS,
    judgement=Judgement(
        task="interaction",
        kind="drug",
        noun="Drugs",
        statements=INTERACTIONS,
        requests=(
            "say how {a} changes the effect of {b}",
            "decide whether {a} and {b} interact",
            "judge what {a} does to {b}",
            "say whether the first drug increases or decreases the second",
            "classify the interaction of the two drugs",
        ),
        instruction="Say how the first drug changes the second: increase, decrease or none.",
    ),
    opinion=Opinion(
        kind="drug",
        openings=("I was given {d}.", "I take {d}.", "My review of {d}:", "About {d}.", ""),
        phrases={"positive": POSITIVE, "negative": NEGATIVE, "neutral": NEUTRAL},
        requests=(
            "say whether the comment is positive, negative or neutral",
            "judge the mood of the comment as positive, negative or neutral",
            "give the sentiment of the review: positive, negative or neutral",
            "decide if the patient likes {d}: positive, negative or neutral",
            "classify the opinion as positive, neutral or negative",
        ),
        instruction="Say whether the comment is positive, negative or neutral.",
    ),
    nouns=words("note report abstract passage text record paragraph summary article extract letter leaflet"),
    roles=words("nurse pharmacist doctor student biologist researcher librarian teacher"),
    fillers=FILLERS,
    true_facts=TRUE_FACTS,
)
