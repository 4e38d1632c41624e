"""Things that sentences speak of, by kind: each concept with the words for it, divided by `/`; the first names it."""


def table(text: str) -> dict[str, list[str]]:
    """Concepts of a list divided by commas."""
    entries = [[word.strip() for word in entry.split("/")] for entry in text.replace("\n", " ").split(",") if entry.strip()]
    return {words[0]: words for words in entries}


KINDS: dict[str, dict[str, list[str]]] = {
    "person": table("""man/guy/gentleman, woman/lady, boy/lad/young boy, girl/young girl, child/kid/little one, baby/infant/toddler,
        doctor/physician, teacher/schoolteacher, farmer/peasant, cook/chef, nurse, student/pupil, policeman/police officer/cop,
        singer/vocalist, soldier/trooper, driver/chauffeur, painter/artist, scientist/researcher, writer/author, friend/buddy/pal,
        tourist/traveler/visitor, lawyer/attorney, engineer/technician, worker/employee, boss/manager, musician, mother/mom/mum,
        father/dad, grandmother/grandma, grandfather/grandpa, neighbor, king/monarch, queen, actor/performer, athlete/sportsman,
        waiter/server, thief/burglar/robber, pilot/airman, judge, priest, barber/hairdresser, president/head of state, customer/client"""),
    "animal": table("""dog/puppy/hound, cat/kitten, horse/pony, cow/cattle, bird, monkey/ape, lion, rabbit/bunny, fish, mouse, elephant,
        bear, fox, wolf, sheep/lamb, pig/hog, duck, chicken/hen, goat, snake/serpent, frog/toad, turtle/tortoise, tiger, deer, squirrel,
        owl, eagle, bee, butterfly, spider, donkey/mule, penguin, whale, dolphin, shark, camel, giraffe, zebra, parrot, hamster"""),
    "food": table("""bread/a loaf, pasta/spaghetti/noodles, pizza, rice, soup/broth, salad, cheese, cake/pie, meat/steak/beef, an apple, a banana,
        an egg/an omelette, chocolate/candy/sweets, a sandwich/a burger, potatoes/fries, vegetables/carrots, ice cream, cookies/biscuits,
        fruit, breakfast, dinner/supper, lunch"""),
    "drink": table("water, coffee/espresso, tea, milk, juice/orange juice, beer/ale, wine, lemonade/soda"),
    "vehicle": table("""car/automobile, bus/coach, train/railway train, bike/bicycle, truck/lorry, boat/ship/vessel, plane/airplane/aircraft,
        motorcycle/motorbike, taxi/cab, tram/streetcar, helicopter, tractor, scooter, subway/metro/underground"""),
    "place": table("""park, beach/seaside/shore, forest/woods, city/town/downtown, school/classroom, office/workplace, hospital/clinic, market/bazaar,
        kitchen, garden/backyard/yard, restaurant/diner, airport, library, church, museum, hotel/inn, station/train station, mountain/hill,
        river/stream, lake/pond, farm/ranch, street/road/avenue, supermarket/grocery store/shop, theater/playhouse, stadium/arena, desert,
        village, island, castle/palace, bank, gym/fitness center, factory/plant, university/college, harbor/port, zoo, bakery, pharmacy/drugstore"""),
    "instrument": table("guitar, piano/keyboard, violin/fiddle, drum/drums, flute, trumpet/horn, cello, harp"),
    "sport": table("""football/soccer, tennis, basketball, chess, hockey/ice hockey, golf, baseball, volleyball, cards/poker, video games/computer games,
        rugby, badminton"""),
    "thing": table("""ball, book/novel, phone/telephone/smartphone, computer/laptop/PC, letter/note, hat/cap, key, chair/seat, table/desk, lamp/light,
        picture/photo/photograph, clock/watch, bag/backpack/purse, umbrella, knife, bottle/flask, cup/mug, box/package/parcel, shirt/blouse,
        shoe/boot, coat/jacket, ring, toy/doll, newspaper/paper, pen/pencil, camera, mirror, blanket, pillow/cushion, bed, sofa/couch,
        window, door/gate, television/TV, radio, wallet, ticket, map, flower/rose, tree, stone/rock, rope/cord, candle, hammer, ladder, carpet/rug/mat"""),
    "feeling": table("""happy/glad/cheerful/joyful, sad/unhappy/sorrowful/down, angry/furious/mad, tired/exhausted/sleepy, scared/afraid/frightened,
        hungry/starving, thirsty, bored, nervous/anxious/worried, proud, lonely/alone, sick/ill/unwell, excited/thrilled, surprised/astonished,
        calm/relaxed/peaceful, confused/puzzled"""),
    "quality": table("""big/large/huge/enormous, small/little/tiny, new/brand new, old/ancient, beautiful/pretty/lovely/gorgeous, ugly, expensive/costly/pricey,
        cheap/inexpensive, heavy, light, broken/damaged/defective, clean/spotless, dirty/filthy, fast/quick/rapid, slow/sluggish,
        good/great/excellent/wonderful, bad/terrible/awful/horrible, strong/powerful, weak/feeble, hot/very warm, cold/freezing/icy, wet/soaked, dry,
        empty, full, loud/noisy, quiet/silent, dangerous/risky, safe/secure, easy/simple, difficult/hard, famous/well known, smart/clever/intelligent,
        lazy/idle, rich/wealthy, poor/penniless, kind/friendly/nice, rude/impolite, boring/dull, funny/hilarious/amusing, strange/weird/odd"""),
    "color": table("red/crimson, blue, green, yellow, black, white, brown, purple/violet, pink, gray/grey, orange"),
    "job": table("""fixes/repairs/mends, cleans/washes, buys/purchases, sells, paints, builds/constructs/makes, breaks/destroys/smashes, finds/discovers,
        loses/misplaces, hides/conceals, steals, carries/transports, throws/tosses, catches, opens, closes/shuts, draws/sketches, holds/grasps,
        lifts/raises/picks up, drops/lets fall, wants/would like/desires, needs/requires, likes/loves/enjoys/is fond of, hates/dislikes/cannot stand,
        sees/notices/looks at/watches, moves/pushes, pulls/drags, borrows/lends, forgets, brings/fetches"""),
    "motion": table("""walks/strolls/goes on foot, runs/sprints/jogs/races, sits/is seated, sleeps/naps/rests/is asleep/dozes, waits, works/is at work,
        plays, dances, sings, cries/weeps, laughs/giggles, jumps/leaps/hops, swims, falls/trips/stumbles, hides, talks/chats/speaks/has a conversation,
        shouts/yells/screams, reads, studies/learns, stands, smiles/grins, fights"""),
    "city": table("""Paris, London, Berlin, Rome, Madrid, Tokyo, New York, Oslo, Vienna, Cairo, Sydney, Moscow, Beijing, Toronto, Chicago, Lisbon, Athens,
        Dublin, Prague, Boston"""),
    "day": table("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday, tomorrow, tonight/this evening, next week, in the morning/early in the day"),
    "subject": table("""math/mathematics/algebra, history, physics, chemistry, biology, music, English, French, geography, art/drawing, programming/coding,
        economics, law, medicine, philosophy"""),
    "illness": table("""a headache/a sore head, a fever/a high temperature, a cold/a runny nose, a toothache/a bad tooth, a cough/a sore throat, back pain/an aching back,
        a broken leg/a leg fracture, a stomach ache/an upset stomach, an allergy, the flu/influenza"""),
    "gadget": table("""computer/laptop/PC, phone/smartphone/mobile phone, printer, internet connection/wifi/network, website/web page, app/application/program/software,
        car/vehicle, washing machine, heater/heating, camera, server, keyboard, screen/monitor/display, battery, microphone, database"""),
}  # fmt: skip
NAMES = ["Tom", "Anna", "Peter", "Maria", "John", "Sarah", "David", "Emma", "Paul", "Laura", "James", "Sophie", "Max", "Lily", "Ben", "Nora"]
# One word that takes in every concept of a kind: what is said with it is near to what is said with any of them.
WIDER = {"food": ["food", "something to eat", "a meal"], "drink": ["something to drink", "a drink"], "animal": ["animal", "creature"],
         "vehicle": ["vehicle"], "person": ["person", "someone"], "instrument": ["instrument", "musical instrument"]}  # fmt: skip
