"""Names, job titles and teams of the invented persons.

The names are Dutch, Frisian and Flemish, and from other countries, in their own spelling.
"""

# ruff: noqa: RUF001 (the Turkish dotless i is meant)

GIVEN_NAMES = (
    "Anna", "Bram", "Cornélie", "Daan", "Eva", "Femke", "Gijs", "Hanneke", "Ids", "Jelle", "Jikke", "Joëlle",
    "Karin", "Lieke", "Loïs", "Maaike", "Maurits", "Niels", "Noëlle", "Oebele", "Pieter", "Quinten", "Renée",
    "Ruben", "Sjoerd", "Sophie", "Teun", "Tjeerd", "Ursula", "Víctor", "Wietske", "Xander", "Yvonne", "Zoë",
    "Aïsha", "Amélie", "André", "Björn", "Bülent", "Chloé", "Đorđe", "Elżbieta", "Fatıma", "Gökhan", "Håkon",
    "Inès", "Jiří", "José", "Łukasz", "Małgorzata", "Mehmet", "Niño", "Ömer", "Paweł", "Raúl", "Şeyma", "Siobhán",
    "Søren", "Thảo", "Þóra", "Ümit", "Zuzana", "Çağla", "Ísak", "Åsa",
)  # fmt: skip
SURNAMES = (
    "Bakker", "de Boer", "van den Berg", "Bos", "Brouwer", "Coëlho", "de Brée", "Dijkstra", "van Dijk", "Engelen",
    "de Graaf", "de Groot", "Hendriks", "van der Heijden", "Hoekstra", "in 't Veld", "Jansen", "Janssen", "de Jong",
    "van de Laar", "van Leeuwen", "van der Meer", "Meijer", "Mulder", "d'Ancona", "op den Camp", "Peters", "Postma",
    "Prins", "Reünie", "Sikkema", "Smit", "Smits", "'t Hart", "ten Brinke", "Terpstra", "Veenstra", "Vermeulen",
    "van Vliet", "de Vries", "Visser", "Vos", "de Wit", "Wouters", "IJsbrands", "Zijlstra", "Çelik", "Dvořák",
    "Fernández-Núñez", "Grønbæk", "Guðmundsdóttir", "Haddad", "Kovačević", "Lefèvre", "Müller", "Nguyễn", "O'Brien",
    "Öztürk", "Papadopoulos", "Rodríguez", "Sánchez", "Szymański", "Şahin", "Weiß", "Wiśniewska", "Yıldız",
)  # fmt: skip
# Names in other scripts, each with the Latin name from which the user name is made.
OTHER_SCRIPTS = (
    ("王 芳", "Fang Wang"),
    ("Ελένη Παπαδοπούλου", "Eleni Papadopoulou"),
    ("Олена Шевченко", "Olena Sjevtsjenko"),
    ("محمد الفاسي", "Mohamed El Fassi"),
    ("김민준", "Minjun Kim"),
    ("ஆனந்தி சுப்பிரமணியம்", "Anandi Subramaniam"),
)
TITLES = {
    "Zorg": ("Verzorgende IG", "Wijkverpleegkundige", "Verpleegkundige mbo", "Helpende plus", "Leerling-verzorgende"),
    "Behandeling": ("Fysiotherapeut", "Ergotherapeut", "Diëtist", "Psycholoog", "Specialist ouderengeneeskunde"),
    "Facilitair": ("Medewerker huishouding", "Kok", "Conciërge", "Technisch beheerder"),
    "Financiën": ("Medewerker crediteuren", "Controller", "Salarisadministrateur"),
    "HR & Opleiding": ("HR-adviseur", "Recruiter", "Praktijkopleider"),
    "ICT": ("Functioneel beheerder", "Servicedeskmedewerker", "Informatiemanager"),
    "Kwaliteit, arbo en milieu": ("Kwaliteitsadviseur", "Arbocoördinator", "Auditor"),
    "Communicatie": ("Communicatieadviseur", "Webredacteur"),
}
LANGUAGES = ("nl-NL", "nl-NL", "nl-NL", "nl-NL", "nl-BE", "en-GB", "pl-PL", "tr-TR", "de-DE")
# Every second name has a character that must be escaped in the filter of a URL.
TEAMS = (
    "Cliëntenraad",
    "Zorg & Welzijn",
    "BHV-ploeg",
    "Intranet + website",
    "Ondernemingsraad",
    "MIC/VIM-commissie",
    "Nachtdienst",
    "Audit (ISO 9001:2015)",
    "iProva-beheerders",
    'Project "Samen één"',
)
