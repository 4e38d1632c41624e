"""What things are: a word, what else it is called, and ways to define it without naming it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """`name` as it stands after "What is"; `meanings` go on after "... is"."""

    group: str
    name: str
    other: str | None
    meanings: tuple[str, ...]


TEXT = """
# animal
panda/giant panda|a bear species endemic to China|a black and white bear that eats bamboo|an animal from the mountains of China
lion|a large wild cat that lives in Africa|the king of the animals, a big cat with a mane|a predator of the savanna
tiger|the largest of the cats, with orange fur and black stripes|a striped big cat from Asia|a hunter in the forests of India
elephant|the largest animal on land, with a long trunk|a gray animal with tusks and big ears|a heavy plant eater of Africa and Asia
giraffe|the tallest animal, with a very long neck|an African animal that eats leaves from high trees|a spotted animal with a long neck
zebra|an African horse with black and white stripes|a striped relative of the horse|a grazing animal of the savanna
penguin|a bird that cannot fly and swims in cold seas|a black and white bird from the south|a sea bird of Antarctica
whale|the largest animal of the sea, which breathes air|a huge mammal that lives in the ocean|a sea mammal, not a fish
dolphin|a clever mammal that lives in the sea|a gray sea animal that likes to jump|a small toothed whale
shark|a large fish with sharp teeth|a predator of the sea with many rows of teeth|a fish whose skeleton is soft
eagle|a large bird of prey with sharp eyes|a bird that hunts small animals from the air|a strong bird with hooked claws
owl|a bird that hunts at night|a bird with large eyes that sees well in the dark|a silent hunter of the night
kangaroo|an Australian animal that jumps on strong legs|an animal that carries its young in a pouch|a marsupial from Australia
koala|an Australian animal that lives in eucalyptus trees|a sleepy marsupial that eats leaves|a gray climber from Australia
wolf|a wild relative of the dog that lives in packs|a gray hunter of the forest|an animal that howls and hunts in groups
fox|a small wild relative of the dog with a bushy tail|a red animal known for being clever|a clever hunter with red fur
bear|a large heavy animal with thick fur|a forest animal that sleeps in winter|an animal that likes honey and fish
camel|a desert animal with humps on its back|an animal that needs little water|the ship of the desert
snake|a long animal without legs|a reptile that moves on its belly|a legless reptile, sometimes with poison
frog|a small green animal that lives in water and on land|an amphibian with long legs that can jump|an animal that begins life as a tadpole
bee|an insect that makes honey|a flying insect that visits flowers|an insect that lives in a hive
butterfly|an insect with colorful wings|a flying insect that was a caterpillar|an insect that drinks nectar
spider|an animal with eight legs that makes a web|a small hunter that catches insects in its web|an eight-legged animal
crocodile|a large reptile with strong jaws that lives in rivers|a dangerous reptile with many teeth|a hunter that waits in the water
turtle/tortoise|a slow reptile with a hard shell|an animal that carries its house on its back|a reptile that can live very long
octopus|a sea animal with eight arms|a soft and clever animal of the sea|an animal that can squirt ink
parrot|a colorful bird that can learn to speak|a tropical bird with a curved beak|a talking bird
bat|a mammal that can fly|a flying animal that finds its way by sound|an animal that sleeps upside down
rabbit|a small animal with long ears|a furry animal that eats grass and lives in burrows|a fast animal with a short tail
squirrel|a small climber with a bushy tail that collects nuts|a rodent that lives in trees|an animal that hides nuts for winter
# science
gravity|the force that pulls things to the ground|the attraction between masses|what keeps the planets on their paths
atom|the smallest part of a chemical element|a nucleus with electrons around it|a tiny building block of matter
electron|a small particle with negative charge|a part of the atom outside its nucleus|the carrier of electric current
photosynthesis|how plants make sugar from light, water and air|the way plants use the light of the sun|the process by which leaves produce oxygen
evolution|the slow change of living things over many generations|how species come from other species|the development of life by selection
volcano|a mountain from which hot lava comes|an opening in the earth that throws out ash and lava|a mountain that can erupt
earthquake|a shaking of the ground|a sudden movement of the crust of the earth|what happens when plates of the earth slip
planet|a large body that moves around a star|a round world that circles the sun|a body such as Mars or Jupiter
star|a hot ball of gas that shines|a distant sun|a body in the sky that gives light of its own
moon|the body that moves around the earth|the light in the sky at night|what makes the tides of the sea
comet|a ball of ice and dust with a tail|an icy body that comes near the sun now and then|a visitor with a long bright tail
galaxy|a huge group of stars|billions of stars held together by gravity|an island of stars such as the Milky Way
oxygen|a gas that we need to breathe|the part of the air that fire needs|a chemical element with the sign O
water|a clear liquid made of hydrogen and oxygen|what falls as rain and fills the sea|the liquid that all life needs
DNA|the molecule that holds the plan of a living thing|the material genes are made of|a double spiral with the information of life
virus|a tiny thing that makes living things ill|a germ that needs a cell to multiply|a cause of the flu and other diseases
vaccine|a medicine that protects against a disease|what trains the body to fight a germ|an injection that makes people immune
antibiotic|a medicine against bacteria|a drug such as penicillin|a substance that kills bacteria
heart|the organ that pumps blood|a muscle in the chest that beats|what moves the blood through the body
brain|the organ with which we think|what controls the body from inside the head|the center of the nerves
electricity|energy that flows through wires|the flow of electrons|what makes lamps and machines work
magnet|a piece of metal that attracts iron|a thing with a north and a south pole|what makes a compass needle turn
rainbow|an arc of colors in the sky|what is seen when the sun shines on rain|light split into colors by drops
thermometer|an instrument that measures temperature|a device that shows how hot it is|what tells if you have a fever
telescope|an instrument to look at distant things|a device with which one sees stars|what astronomers look through
microscope|an instrument that makes small things visible|a device to see cells with|what makes tiny things look big
# computing
computer|a machine that works with data|a machine that runs programs|an electronic device that calculates
algorithm|a list of steps that solves a problem|a recipe for a computation|exact instructions for a task
database|an ordered collection of data|a program that stores and finds records|where data is kept in tables
compiler|a program that translates source code|what turns a program into machine code|a translator of programming languages
neural network|a model made of layers of simple units|a computing model that was inspired by the brain|what deep learning trains
language model|a model that predicts the next word|a program that has learnt to write text|what a chat bot is made of
tokenizer|a program that cuts text into pieces for a model|what turns text into numbers|the part that splits words into tokens
embedding|a list of numbers that stands for a text|a vector that holds the meaning of a word|a point in a space where similar texts are near
GPU/graphics processor|a processor made for graphics and many computations at once|the chip on which models are trained|a chip that works on many numbers in parallel
server|a computer that answers requests of others|a program that waits for clients|a machine that provides a service in a network
browser|a program that shows web pages|what you use to visit websites|a program to surf the web
internet|the network that joins computers of the whole world|a world-wide net of networks|what connects all computers
password|a secret word that opens an account|a secret that proves who you are|what you type to log in
firewall|a guard between a network and the outside|a program that blocks unwanted traffic|a filter for network connections
cache|a fast store for things that are needed again|a memory that saves repeated work|where recent results are kept
encryption|the art of making data unreadable for others|how secret messages are protected|turning text into a code that needs a key
bug|a mistake in a program|an error that makes software fail|a fault in code
robot|a machine that moves and works by itself|a programmed machine with arms or wheels|a machine that does work for people
JavaScript|a programming language of the web|the language that browsers run|what makes web pages interactive
Python|a programming language named after comedians|a popular language for data and learning machines|a language that is easy to read
Linux|a free operating system|the system with a penguin as its sign|an open kernel that many servers run
# people and culture
democracy|rule by the people|a state in which the people vote|a form of government with elections
money|what people pay with|coins and notes that buy things|a means of exchange
bank|a business that keeps and lends money|where people have accounts|a place that looks after savings
inflation|a general rise of prices|when money loses its value|the reason that things become more expensive
tax|money that people pay to the state|what the state takes of an income|a duty paid to the government
school|a place where children learn|a building with teachers and pupils|where lessons are given
library|a house full of books that can be borrowed|a place to read and borrow books|a collection of books for the public
museum|a house that shows old or beautiful things|a place with works of art or history|a building with exhibitions
opera|a play in which everything is sung|theater with an orchestra and singers|a musical drama
novel|a long invented story in a book|a book that tells a story|a long work of fiction
football/soccer|a game in which two teams kick a ball|a sport with goals and eleven players|the most popular game with a ball
chess|a game for two with kings and queens on a board|a board game that ends with checkmate|a game of thinking on 64 squares
tennis|a game in which a ball is hit over a net|a sport with rackets|a sport for two or four players and a yellow ball
piano|a large instrument with black and white keys|an instrument whose strings are struck by hammers|a keyboard instrument
violin|a small instrument with four strings and a bow|the highest of the stringed instruments|an instrument that is held under the chin
guitar|an instrument with six strings that are plucked|the instrument of rock bands|a stringed instrument of wood
pizza|a flat bread with tomatoes and cheese|an Italian dish from the oven|a round dish that is cut in slices
bread|a food baked from flour and water|what bakers make|a loaf from the oven
cheese|a food made from milk|what becomes of milk that is left to ripen|a yellow or white food with or without holes
coffee|a dark drink that wakes people up|a hot drink from roasted beans|what many drink in the morning
tea|a hot drink made of leaves|leaves in hot water|a drink from China and India
chocolate|a sweet food made of cocoa|a brown sweet|what is made from the beans of the cocoa tree
bicycle/bike|a vehicle with two wheels and pedals|what you ride by pushing pedals|a vehicle without an engine
train|a row of wagons that runs on rails|a vehicle that stops at stations|a long vehicle on tracks
airplane/plane|a vehicle that flies with wings|a machine that carries people through the air|what pilots fly
submarine|a ship that can dive|a vessel under water|a boat that goes below the sea
umbrella|a thing that keeps you dry in the rain|a folding roof on a stick|what you open when it rains
compass|an instrument that shows where north is|a needle that points to the north|what sailors find their way with
clock|an instrument that shows the time|a device with hands and numbers|what tells the hour
mirror|a glass in which you see yourself|a surface that throws back light|what shows your own face
bridge|a way over a river or a valley|a building that roads cross rivers on|what connects two banks
desert|a dry land with little rain|a place of sand and heat|land where almost nothing grows
island|land with water all around|a piece of land in the sea|a place that only ships and planes reach
mountain|a very high hill|land that rises far above the rest|a peak of rock
glacier|a slow river of ice|a mass of ice in the mountains|ice that moves down a valley
doctor|a person who heals the sick|someone who treats patients|a person with a practice for the ill
teacher|a person who teaches children|someone who gives lessons|a person who works in a school
farmer|a person who grows food|someone who keeps cows and fields|a person who works on the land
"""
# How a definition names its group, for the sentence in between.
GROUPS = {"animal": "animal", "science": "term of science", "computing": "term of computing", "people and culture": "thing of everyday life"}


def read_entries() -> list[Entry]:
    entries, group = [], ""
    for line in TEXT.strip().splitlines():
        if line.startswith("# "):
            group = line[2:]
            continue
        names, *meanings = line.split("|")
        name, _, other = names.partition("/")
        entries.append(Entry(group, name, other or None, tuple(meanings)))
    return entries


ENTRIES = read_entries()
# Names without an article.
BARE = {"gravity", "photosynthesis", "evolution", "oxygen", "water", "DNA", "electricity", "encryption", "JavaScript", "Python", "Linux", "democracy",
        "money", "inflation", "football", "chess", "tennis", "bread", "cheese", "coffee", "tea", "chocolate"}  # fmt: skip
