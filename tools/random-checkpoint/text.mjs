/** The text that the tokenizer of the random checkpoint learns its merges from. */
export const text = `
The river starts in the mountains and ends in the sea. In spring the water is high and brown, in summer it is low and
clear, and in winter there is ice along the banks. A path runs beside the river from the old mill to the bridge.
Every morning a woman walks along the path with her dog. The dog is brown and white, and it likes the water. She throws a
stick into the river, and the dog brings it back. Then they walk home and eat breakfast together.
There was a boat under the bridge. Nobody knew who had made it or when it had come there. The children said that it
belonged to a fisherman who lived alone in the forest, and that he would come back for it one day.
What is the name of this place? How far is it to the next town? Where does the train stop? When will the shop open again?
Who has the key to the door? Why is the light still on? These are questions that a traveller asks.
To make bread you need flour, water, salt and time. Mix the flour with the water, add the salt, and let the dough rest.
After an hour fold it, after another hour shape it, and then bake it until the crust is dark.
The answer is yes. The answer is no. The answer is that nobody can know before the end of the year.
One and one is two. Two and two is four. Four and four is eight. Ten times ten is one hundred, and ten times one hundred
is one thousand. In the year 1984 there were 365 days; in the year 2024 there were 366 of them.
You are a helpful assistant. The user asks a question and the assistant gives a short answer. If the assistant does not
know the answer, it says so. A system that tells the truth is more useful than one that tries to please.
A program reads a line, looks for a word, counts how often the word occurs, and prints the number. If the file is empty,
the program prints zero. When something goes wrong, it should say what went wrong and where it happened.
I think that it will rain tonight. We should bring the chairs into the house and close the windows. Can you help me with
the table? It is too heavy for one person. Thank you, that was very kind of you.
The capital of France is Paris. The capital of Germany is Berlin. The capital of Italy is Rome. The capital of Spain is
Madrid. The capital of Japan is Tokyo. They are large cities with many people, and each of them lies near water.
for (let i = 0; i < 10; i++) { total += values[i]; } return total; if (total === 0) { throw new Error("empty"); }
`;
