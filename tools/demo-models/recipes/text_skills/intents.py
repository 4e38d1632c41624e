"""What customers ask, each in several words, with its answer. The last way but one is for development, the last is held out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Intent:
    name: str
    asked: tuple[str, ...]
    answers: tuple[str, ...]


TEXT = """
password|How do I reset my password?|I forgot my password.|How can I change my password?|I can't remember my password, what can I do?|I need a new password.|My password does not work.|What do I do when I have lost my password?|Where do I set another password?
>Click on "Forgot password" on the login page and follow the link in the email.|You can choose a new password in the settings of your account.
login|I can't log in.|The login fails.|I am unable to sign in.|Why can't I access my account?|Signing in does not work.|I have problems logging in.|It does not let me sign in to my account.
>Check your user name and your password and try to sign in again.|If signing in fails, please clear the cookies of your browser.
delete account|How do I delete my account?|I want to close my account.|Please remove my account.|How can I cancel my account?|Where can I delete my profile?|I would like my account to be deleted.|What must I do to get rid of my account?
>To delete your account, open the settings and choose "Close account".|Your account and all its data are removed within 30 days.
opening hours|When are you open?|What are your opening hours?|At what time do you close?|Are you open on Sunday?|Until when is the shop open?|When does the store open?|What time do you open in the morning?
>We are open from 9 am to 6 pm, Monday to Saturday.|The shop opens at nine and closes at six; on Sunday it is closed.
shipping time|How long does shipping take?|When will my order arrive?|How many days does delivery take?|When do I get my package?|What is the delivery time?|How soon will my parcel be here?|How long until my order is delivered?
>Delivery takes three to five working days.|Most packages arrive within a week after the order.
shipping cost|How much is shipping?|What does delivery cost?|Is shipping free?|How much do I pay for delivery?|Do I have to pay for shipping?|What are the shipping fees?|Are there costs for delivery?
>Shipping is free for orders above 50 dollars; below that it costs 5 dollars.|We charge five dollars for delivery.
track order|Where is my order?|How can I track my package?|What is the status of my order?|Can I follow my parcel?|I want to know where my package is.|My order has not arrived.|Is there a way to trace my parcel?
>With the tracking number in our email you can see where your package is.|Open "My orders" to see the status of an order.
return|How do I return an item?|I want to send this back.|Can I give it back?|What is your return policy?|Where do I send returns?|I would like to return my purchase.|How do I send something back to you?
>You can return items within 30 days; the label is in the box.|Send the article back to us in its original box.
refund|When do I get my money back?|I want a refund.|How can I get a refund?|Please give me my money back.|How long does a refund take?|My refund has not arrived.|When will I be refunded?
>Refunds are paid to your bank account within ten days.|You get your money back as soon as the returned goods are with us.
cancel order|How do I cancel my order?|I want to cancel my purchase.|Can I still cancel the order?|Please stop my order.|I ordered by mistake.|I don't want my order any more.|Is it possible to call off an order?
>An order can be cancelled until it is shipped: choose "Cancel" in the list of your orders.
payment methods|How can I pay?|Which payment methods do you accept?|Do you take credit cards?|Can I pay with cash?|Is it possible to pay by card?|What ways of paying are there?|In which ways can I pay?
>We accept credit cards, bank transfer and cash.|You can pay by card or by bank transfer.
invoice|Where is my invoice?|I need an invoice.|Can you send me the bill?|How do I get a receipt?|Please send me a receipt.|I have not received a bill.|Where can I download my invoice?
>Invoices are sent by email; you can also download them under "My orders".
discount|Do you have a discount?|Is there a coupon?|Are there special offers?|Can I get it cheaper?|Do students get a discount?|Do you have a promo code?|Is there a lower price for students?
>Students get ten percent off with a valid student card.|New customers receive a coupon for their first order.
change address|How do I change my address?|I moved to a new house.|My address is wrong.|Can I update my address?|Where do I enter a new address?|I have a new address.|How can I correct the address in my account?
>You can change your address in your account under "Addresses".
contact|How can I contact you?|What is your phone number?|I want to talk to a human.|How do I reach customer service?|Is there a support hotline?|I need help from a person.|How do I get in touch with support?
>Call us at the number on the website or write an email to our support team.
job|Do you have open positions?|I am looking for a job at your company.|How can I apply for a job?|Are you hiring?|Where do I send my application?|I would like to work for you.|Is there a vacancy in your company?
>We are always looking for new colleagues: send us your application and your resume.
warranty|How long is the warranty?|Is there a guarantee?|What does the warranty cover?|My device broke, do I have a warranty?|Is the repair free?|Do I get a guarantee with it?|For how many years is it guaranteed?
>The warranty lasts two years and covers all repairs.
table|I want to book a table.|Can I reserve a table for tonight?|Do you have a free table?|A table for two, please.|We would like to eat at your restaurant.|I need a reservation for dinner.|Is there a table left for this evening?
>We have reserved a table for you; please be there on time.
parking|Where can I park?|Is there a parking lot?|Do you have parking?|Can I leave my car there?|How much is parking?|Are there parking spaces nearby?|Is there room for my car?
>There is a car park behind the building; the first hour is free.
wifi|Do you have wifi?|What is the wifi password?|Is there free internet?|How do I connect to the internet here?|Can I use the wireless network?|I need internet access.|Is there a network for guests?
>The wireless network for guests is free; its password is at the reception.
update software|How do I update the program?|Is there a new version?|How can I install the latest version?|I need to upgrade the software.|Where do I download updates?|My version is old.|How do I get the newest release?
>Open the menu "Help" and choose "Check for updates" to install the latest version.
install|How do I install the program?|I want to set up the software.|How can I install it on my computer?|Where is the installer?|The installation fails.|What are the steps to install this?|How do I get this software onto my machine?
>Download the installer, open it and follow the steps on the screen.
backup|How do I make a backup?|How can I save my data?|I don't want to lose my files.|Where are my files stored?|How do I back up my computer?|I want a copy of all my files.|How can I keep my data safe?
>Copy your files to an external disk once a week.|A backup keeps a second copy of your data in another place.
virus|My computer has a virus.|How do I remove malware?|I think I was hacked.|Is my computer infected?|How can I protect my PC against viruses?|There is malware on my laptop.|How do I get rid of a computer virus?
>Run a virus scanner and change all your passwords.
lose weight|How can I lose weight?|I want to be thinner.|What diet helps against being fat?|How do I get slim?|I am overweight.|What can I do to lose a few pounds?|How do I get rid of body fat?
>Eat less sugar and fat, and move more, and you will lose weight.
sleep|How can I sleep better?|I can't sleep at night.|I lie awake all night.|What helps against insomnia?|Why do I wake up at night?|I have trouble sleeping.|What can I do to fall asleep?
>Go to bed at the same time every day and drink no coffee in the evening.
learn language|How can I learn English?|What is the best way to learn a language?|I want to speak Spanish.|How long does it take to learn French?|Where can I take language lessons?|I would like to learn a foreign language.|How do I get better at a foreign language?
>Practice a little every day, read books and speak with people in the language.
bake bread|How do I bake bread?|What do I need to make bread?|Give me a recipe for bread.|How long does bread have to be in the oven?|I want to bake a loaf.|Can you explain how to make bread?|How is a loaf of bread made?
>Mix flour, water, salt and yeast, let the dough rest, and bake it for forty minutes.
make tea|How do I make tea?|How long does tea need?|What is the right way to prepare tea?|How hot must water for tea be?|I want to make a cup of tea.|How is tea prepared?|Explain how to brew tea.
>Pour boiling water over the leaves and wait for three minutes.
grow plants|How do I grow tomatoes?|My plants are dying.|How often should I water flowers?|What do plants need?|How can I keep plants alive?|Why do my flowers look bad?|What should I do so that my plants grow?
>Plants need light, water and good soil; water them in the morning.
train dog|How do I train my dog?|My puppy does not listen.|How can I teach a dog to sit?|My dog barks all the time.|What is the best way to raise a puppy?|How do I get my dog to obey?|How can I make my puppy behave?
>Reward the dog with a treat whenever it does what you say.
ticket|Where can I buy a ticket?|How much is a ticket?|I need two tickets.|Can I buy tickets online?|Are there tickets left?|I would like to get tickets for the show.|How do I get a ticket for the concert?
>Tickets are sold online and at the entrance.
passport|How do I get a passport?|My passport has expired.|Where can I renew my passport?|What do I need for a new passport?|I lost my passport.|How long does it take to get a passport?|Which papers do I need for a passport?
>Bring a photo and your old passport to the city office.
open bank account|How do I open a bank account?|I want an account at your bank.|What do I need to open an account?|Can I open an account online?|Do you offer bank accounts for students?|I would like to become a customer of the bank.|What are the steps to get a bank account?
>To open a bank account you need an identity card and proof of your address.
card lost|I lost my credit card.|My bank card was stolen.|How do I block my card?|Please block my credit card.|Somebody took my card.|My debit card is gone.|What should I do when my card has been stolen?
>Call the hotline at once so that your card is blocked.
exchange money|Where can I exchange money?|How many dollars do I get for a euro?|What is the exchange rate?|I need to change dollars into euros.|Can I change money at the airport?|Where do I get foreign currency?|How do I swap dollars for euros?
>Banks and exchange offices change foreign currency at the rate of the day.
translate|What does this word mean?|Can you translate this for me?|How do you say that in French?|I need a translation.|Please translate the text into English.|What is this in English?|I want this text in another language.
>Paste the text into the translator and choose the language.
joke|Tell me a joke.|Make me laugh.|Do you know something funny?|Say something funny.|I want to hear a joke.|Can you tell a funny story?|Cheer me up with a joke.
>Why did the chicken cross the road? To get to the other side.
thanks|Thank you.|Thanks a lot.|That was very helpful.|Thank you very much.|I am grateful.|Many thanks for your help.|Thanks, that helped me.
>You are welcome.
hello|Hello.|Hi.|Good morning.|Hey there.|Nice to meet you.|Greetings.|Hi, how are you?|Good evening!
>Hello, how can I help you?
bye|Goodbye.|Bye.|See you later.|Have a nice day.|See you tomorrow.|I have to go now.|Until next time.
>Goodbye, and have a nice day.
time|What time is it?|Can you tell me the time?|How late is it?|Do you have the time?|Tell me what time it is.|What does the clock say?|Could you say how late it is?
>It is half past three.
emergency|I need help!|Call an ambulance!|This is an emergency.|Please call the police.|Somebody is hurt.|There was an accident, send help.|Help me quickly!
>Call the emergency number; help will come at once.
model|Which model do you use?|How many parameters does the model have?|What kind of language model is this?|Which neural network is running here?|Tell me about the model.|What model is served?|Which AI model answers me?
>A small language model with a few million parameters is running on this server.
memory|The server is out of memory.|How much memory do I need?|There is not enough RAM.|The program uses too much memory.|How can I reduce memory usage?|I get an out of memory error.|How do I make it use less RAM?
>Use a smaller batch or a smaller model when memory runs out.
learning rate|My training does not converge.|The loss does not go down.|Which learning rate should I use?|The model learns nothing.|How do I choose the learning rate?|The training loss is unstable.|What can I do when the loss explodes?
>Lower the learning rate and check your data when the loss does not fall.
"""


def read_intents() -> list[Intent]:
    intents = []
    for line in TEXT.strip().splitlines():
        if line.startswith(">"):
            last = intents.pop()
            intents.append(Intent(last.name, last.asked, tuple(line[1:].split("|"))))
        else:
            name, *asked = line.split("|")
            intents.append(Intent(name, tuple(asked), ()))
    return intents


INTENTS = read_intents()
