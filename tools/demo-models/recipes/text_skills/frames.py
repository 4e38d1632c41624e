"""Sentence frames: ways to say one thing, whose slots are kinds of `lexicon`. The last way but one of each is for development, the last is
held out. `{a x}` takes an indefinite article. Topics gather frames that are nearer to each other than to the rest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    topic: str
    name: str
    ways: tuple[str, ...]


TEXT = """
# food eat
A {person} is eating {food}.|The {person} eats {food}.|{food} is what the {person} is eating.|A {person} is having {food}.|The {person} enjoys {food}.|The {person} is busy eating {food}.|The {person} is chewing {food}.|A {person} had {food} to eat.
# food drink
A {person} is drinking {drink}.|The {person} drinks {drink}.|The {person} sips {drink}.|A {person} is having some {drink}.|The {person} has a glass of {drink}.|The {person} is sipping some {drink}.|A {person} swallows some {drink}.
# food prepare
The {person} is cooking {food}.|A {person} prepares {food}.|{food} is being prepared by a {person}.|The {person} makes {food} in the kitchen.|A {person} is making {food}.|The {person} is preparing {food}.|A {person} is busy cooking {food}.
# food order
I would like to order {food}.|Can I have {food}, please?|I want {food}.|Could you bring me {food}?|{food} for me, please.|Please bring me {food}.|May I order {food}?
# food animal
The {animal} is eating.|The {animal} is having its meal.|A {animal} eats its food.|The hungry {animal} is feeding.|A {animal} is chewing its food.|A {animal} is busy eating.
# animals at
A {animal} is in the {place}.|There is a {animal} in the {place}.|I saw a {animal} at the {place}.|In the {place} lives a {animal}.|A {animal} was seen near the {place}.|Somebody saw a {animal} in the {place}.
# animals move
The {animal} {motion} in the {place}.|A {animal} {motion} at the {place}.|In the {place}, a {animal} {motion}.|Over there in the {place} a {animal} {motion}.|See how the {animal} {motion} at the {place}.
# animals on
The {animal} sits on the {thing}.|A {animal} is sitting on a {thing}.|A {animal} is resting on the {thing}.|On the {thing} there is a {animal}.|The {animal} lies on the {thing}.|There sits a {animal} on the {thing}.|A {animal} sat on a {thing}.
# animals chase
A {animal} is chasing the {animal2}.|The {animal} runs after the {animal2}.|The {animal2} is being chased by a {animal}.|The {animal2} flees from the {animal}.|The {animal} hunts the {animal2}.|The {animal2} is running away from the {animal}.|A {animal} pursues a {animal2}.
# animals pet
My {animal} is {feeling}.|Our {animal} feels {feeling}.|I have a {animal} and it is {feeling}.|The {animal} at home looks {feeling}.|My pet {animal} seems {feeling}.
# animals color
The {animal} is {color}.|There is a {color} {animal}.|A {color} {animal} is here.|We saw a {color} {animal}.|Look at the {color} {animal}.
# people at
A {person} {motion} in the {place}.|The {person} {motion} at the {place}.|In the {place}, a {person} {motion}.|There is a {person} who {motion} at the {place}.|At the {place} the {person} {motion}.|Somewhere in the {place} a {person} {motion}.
# people where
The {person} is at the {place}.|You can find the {person} at the {place}.|The {person} is in the {place} now.|The {person} went to the {place}.|Right now the {person} is in the {place}.|At the {place} you will meet the {person}.
# people feel
The {person} is {feeling}.|The {person} feels {feeling}.|A {feeling} {person}.|The {person} looks {feeling}.|The {person} seems to be {feeling}.|A {person} who feels {feeling}.
# people are
The {person} is {quality}.|A {quality} {person}.|This {person} is very {quality}.|What a {quality} {person}!|Everyone says the {person} is {quality}.|They say that the {person} is {quality}.
# people i feel
I am {feeling}.|I feel {feeling}.|I'm so {feeling} today.|Today I feel really {feeling}.|It makes me {feeling}.|I must say I feel {feeling}.
# people names
My name is {name}.|I am called {name}.|I'm {name}.|You can call me {name}.|People call me {name}.|They named me {name}.
# people meet
I met {name} at the {place}.|{name} and I met at the {place}.|At the {place} I ran into {name}.|I saw {name} in the {place}.|It was at the {place} that I met {name}.
# people carry
The {person} is holding a {thing}.|A {person} carries a {thing}.|A {thing} is carried by the {person}.|The {person} has a {thing} in the hand.|In the hands of the {person} is a {thing}.
# people give
The {person} gave the {person2} a {thing}.|The {person2} got a {thing} from the {person}.|A {thing} was given to the {person2} by the {person}.|The {person2} received a {thing} from the {person}.|The {person} presented the {person2} with a {thing}.
# people call
I will call the {person} {day}.|I'm going to phone the {person} {day}.|{day} I will ring the {person}.|The {person} will get a call from me {day}.|I plan to give the {person} a call {day}.
# things act
The {person} {job} the {thing}.|A {person} {job} a {thing}.|It is a {thing} that the {person} {job}.|Here the {person} {job} the {thing}.|One {person} {job} one {thing}.
# things are
The {thing} is {quality}.|This is a {quality} {thing}.|It is a very {quality} {thing}.|What a {quality} {thing}!|A {quality} {thing}.|The {thing} looks {quality}.|I find this {thing} {quality}.
# things color
The {thing} is {color}.|I have a {color} {thing}.|A {color} {thing}.|The color of the {thing} is {color}.|A {thing} that is {color}.
# things lost
I can't find my {thing}.|I lost my {thing}.|Where is my {thing}?|My {thing} is gone.|Has anyone seen my {thing}?|My {thing} went missing.|I have been looking for my {thing} everywhere.
# things where
The {thing} is in the {place}.|You will find the {thing} in the {place}.|There is a {thing} in the {place}.|In the {place} there's a {thing}.|I left the {thing} in the {place}.|Look in the {place} for the {thing}.
# travel go
How do I get to the {place}?|Which way is the {place}?|Where is the {place}?|Can you tell me the way to the {place}?|I am looking for the {place}.|What is the best way to the {place}?|Please show me the way to the {place}.
# travel drive
He drove to the {place}.|He went to the {place} by car.|He took his car to the {place}.|By car he traveled to the {place}.|He was driving to the {place}.|To reach the {place} he drove.
# travel ride
The {person} is riding the {vehicle}.|A {person} is on a {vehicle}.|The {person} travels by {vehicle}.|The {person} takes the {vehicle}.|A {person} goes by {vehicle}.|By {vehicle} the {person} travels.
# travel city
I am going to {city} {day}.|{day} I will travel to {city}.|I will be in {city} {day}.|My trip to {city} is {day}.|I fly to {city} {day}.|I plan a journey to {city} {day}.|I leave for {city} {day}.
# travel live
I live in {city}.|My home is in {city}.|{city} is where I live.|I am from {city}.|My house is in {city}.|I have my home in {city}.
# travel late
The {vehicle} is late.|The {vehicle} has a delay.|The {vehicle} is delayed.|The {vehicle} did not arrive on time.|We are waiting because the {vehicle} is behind schedule.|The {vehicle} will not come on time.
# travel broken
The {vehicle} is broken.|The {vehicle} does not work any more.|The {vehicle} broke down.|There is something wrong with the {vehicle}.|The {vehicle} has to be repaired.|My {vehicle} stopped working.
# travel book
I need a hotel in {city}.|Can you book me a room in {city}?|I am looking for a place to stay in {city}.|Find me accommodation in {city}.|Where can I spend the night in {city}?|I want to reserve a room in {city}.
# music play
A {person} is playing the {instrument}.|The {person} plays the {instrument}.|The {instrument} is played by a {person}.|The {person} makes music with the {instrument}.|The {person} performs on the {instrument}.|There is a {person} who plays the {instrument}.|A {person} practices the {instrument}.
# music like
I love listening to the {instrument}.|The sound of the {instrument} is beautiful.|I like {instrument} music.|{instrument} music makes me happy.|I enjoy the sound of the {instrument}.
# sport play
The {person} is playing {sport}.|A {person} plays {sport}.|A game of {sport} is played by the {person}.|The {person} likes to play {sport}.|The {person} has a match of {sport}.|A {person} takes part in a game of {sport}.
# sport win
We won the {sport} game.|Our team was victorious in {sport}.|We beat them at {sport}.|The {sport} match ended with our victory.|Our {sport} team won.|It was our win in the {sport} match.
# sport lose
They lost the {sport} match.|Their team was beaten in {sport}.|The {sport} game ended in their defeat.|They were defeated at {sport}.|Their {sport} team lost.
# school learn
The {person} is learning {subject}.|A {person} studies {subject}.|The {person} takes lessons in {subject}.|The {person} has a class in {subject}.|{subject} is what the {person} studies.|The {person} attends a course in {subject}.
# school exam
I have an exam in {subject} {day}.|{day} there is a test in {subject}.|My {subject} exam is {day}.|{day} I will be tested in {subject}.|The {subject} test takes place {day}.
# school hard
I find {subject} difficult.|{subject} is hard for me.|I don't understand {subject}.|I struggle with {subject}.|{subject} gives me trouble.|I am not good at {subject}.
# health ill
I have {illness}.|I am suffering from {illness}.|I've got {illness}.|My problem is {illness}.|What can I do against {illness}?|The trouble is that I have {illness}.|I came down with {illness}.
# health doctor
The {person} has {illness} and goes to the doctor.|The doctor treats the {person} for {illness}.|The {person} sees a physician because of {illness}.|The doctor examines the {person} who has {illness}.|With {illness}, the {person} went to a doctor.
# technology broken
My {gadget} does not work.|The {gadget} is broken.|My {gadget} stopped working.|There is a problem with the {gadget}.|The {gadget} has a fault.|I have trouble with my {gadget}.|Something is wrong with my {gadget}.|The {gadget} won't work any more.
# technology slow
My {gadget} is very slow.|The {gadget} takes for ever.|Why is the {gadget} so slow?|The {gadget} needs too much time.|How can I make my {gadget} faster?|The {gadget} is not fast enough.
# technology buy
I want to buy a {gadget}.|Where can I purchase a {gadget}?|I am looking for a new {gadget}.|Which {gadget} should I buy?|I need a new {gadget}.|Where do they sell a {gadget}?
# work meeting
The meeting is {day}.|We meet {day}.|{day} there is a meeting.|The conference takes place {day}.|Our appointment is {day}.|We have a meeting {day}.
# work cancel
The meeting {day} is cancelled.|There will be no meeting {day}.|{day} we will not meet.|They called off the meeting {day}.|The appointment {day} does not take place.
# work job
The {person} is looking for work.|The {person} needs a job.|The {person} is unemployed.|The {person} wants to find employment.|The {person} is searching for a job.
# home act
The {person} is cleaning the {place}.|A {person} tidies up the {place}.|The {place} is being cleaned by a {person}.|The {person} sweeps the {place}.|The {person} makes the {place} clean.
# weather nice
The weather is lovely {when}.|It's so sunny {when}!|{when} the sun is shining.|It is a beautiful sunny day {when}.|The sky is clear and blue {when}.|What lovely weather {when}!|{when} there is bright sunshine.|There is not a cloud in the sky {when}.
# weather rain
It is raining {when}.|It rains {when}.|{when} there is heavy rain.|It's pouring {when}.|{when} the weather is wet.|Rain is falling {when}.|{when} we need an umbrella.|There are showers {when}.
# weather snow
It is snowing {when}.|{when} snow is falling.|There is a lot of snow {when}.|{when} everything is white with snow.|Snow falls {when}.|{when} it snows.
# weather cold
It is very cold {when}.|It's freezing {when}.|{when} the temperature is below zero.|{when} I need a warm coat.|The air is icy {when}.|It is chilly {when}.|{when} it is bitterly cold.
# weather hot
It is very hot {when}.|{when} the heat is terrible.|It's boiling {when}.|The temperature is high {when}.|{when} it is really warm.|We are sweating {when}.
# weather wind
It is windy {when}.|A strong wind blows {when}.|There is a storm {when}.|{when} it is stormy.|The wind is strong {when}.|{when} we have a gale.
# geography capital
What is the capital of {country}?|The capital of {country} is {capital}.|{capital} is the capital of {country}.|Which city is the capital of {country}?|Name {country}'s capital city.|{capital}, capital of {country}.|Tell me the capital of {country}.|{country} has the capital {capital}.
# geography continent
On which continent is {country}?|{country} is in {continent}.|{country} is a country in {continent}.|Where is {country}?|Which continent does {country} belong to?|{country} lies in {continent}.|{country} belongs to {continent}.
# math plus
What is {number} plus {number2}?|{number} + {number2}|Add {number} and {number2}.|The sum of {number} and {number2}|How much is {number} plus {number2}?|Calculate {number} + {number2}.
# math count
There are {number} {thing}s.|I count {number} {thing}s.|We have {number} {thing}s.|{number} {thing}s are here.|Altogether there are {number} {thing}s.
# money price
How much is the {thing}?|What does the {thing} cost?|What is the price of the {thing}?|Tell me the price of the {thing}.|How expensive is the {thing}?|How much do you want for the {thing}?|For how much do you sell the {thing}?
# money pay
The {person} pays for the {thing}.|The {person} buys the {thing}.|A {person} purchased a {thing}.|The {person} spent money on a {thing}.|The {thing} was bought by the {person}.|A {person} paid for a {thing}.
# story once
Once upon a time there was a {person}.|Long ago there lived a {person}.|A long time ago there was a {person}.|This is the story of a {person}.|In the old days there lived a {person}.|Many years ago there was a {person}.
# story beast
Once upon a time there was a {animal}.|Long ago there lived a {animal}.|A long time ago there was a {animal}.|This is a tale about a {animal}.|Many years ago there lived a {animal}.|This is the story of a {animal}.
# house sale
The {place} is for sale.|Somebody is selling the {place}.|You can buy the {place}.|They want to sell the {place}.|The {place} is looking for a buyer.
# news fire
There was a fire in the {place}.|The {place} was on fire.|The {place} burned down.|Flames destroyed the {place}.|A fire broke out in the {place}.|The {place} went up in flames.
# news accident
There was an accident with a {vehicle}.|A {vehicle} crashed.|The {vehicle} had a crash.|A {vehicle} collided with another one.|A crash of a {vehicle} happened.
# family born
The {person} had a baby.|The {person} became a parent.|A child was born to the {person}.|The {person} has a newborn.|A baby came to the {person}.
# family marry
The {person} got married.|The {person} had a wedding.|The {person} is a newlywed.|It was the wedding of the {person}.|There was a wedding party for the {person}.
# invented is
{invented} is a {thing}.|{invented}, a {thing}.|A {thing} called {invented}.|The {thing} is called {invented}.|We call this {thing} {invented}.
# invented want
I am looking for {invented}.|Where can I find {invented}?|Do you have {invented}?|Show me {invented}.|I need information about {invented}.|Tell me about {invented}.
"""


def read_frames() -> list[Frame]:
    frames, topic, name = [], "", ""
    for line in TEXT.strip().splitlines():
        if line.startswith("# "):
            topic, name = line[2:].split(" ", 1)
        else:
            frames.append(Frame(topic, name, tuple(line.split("|"))))
    return frames


FRAMES = read_frames()
