"""AVImark: CLIENT.csv and PATIENT.csv as the bridge exports them (pims-formats 2 and 2b)."""

from pims_sync.vendors.profile import ClientKind, ContactKind, Layout, Profile, Sex

_CLIENT = Layout(
    columns={
        "id": ("AccountId",),
        "last_name": ("LastName",),
        "first_name": ("FirstName",),
        "company": ("Company", "CompanyName"),
        "kind": ("ClientTypeCode",),
        "address_1": ("Address1",),
        "address_2": ("Address2",),
        "city": ("City",),
        "state": ("State",),
        "postal_code": ("Zip", "PostalCode"),
        "country": ("Country",),
        "email": ("email",),
        "phone_1": ("Phone1AsIs",),
        "phone_kind_1": ("PhoneType1",),
        "phone_2": ("Phone2AsIs",),
        "phone_kind_2": ("PhoneType2",),
        "phone_3": ("Phone3AsIs",),
        "phone_kind_3": ("PhoneType3",),
        "inactive": ("flgInactive", "Inactive"),
        "deleted": ("flgDeleted", "Deleted", "IsDeleted"),
        "suspend_reminders": ("flgSuspendReminders", "SuspendReminders"),
        "do_not_email": ("flgDoNotEmail", "DoNotEmail"),
    },
    required=("id", "last_name"),
)

_PATIENT = Layout(
    columns={
        # The double t is how the bridge spells it; exporters that "fixed" it exist too (pims-formats 7.6).
        "id": ("AccountId", "PatientAccounttId", "PatientAccountId"),
        "client_id": ("ClientAccountId", "ClientAccounttId"),
        "name": ("Name",),
        "species": ("Species",),
        "species_code": ("SpeciesCode",),
        "breed": ("Breed", "Breed1"),
        "breed_code": ("BreedCode",),
        "breed_2": ("Breed2",),
        "breed_2_code": ("Breed2Code",),
        "colour": ("Color",),
        "colour_code": ("ColorCode",),
        "sex": ("GenderVal", "GenderCode"),
        "altered": ("IsSpayedOrNeutered",),
        "weight": ("Weight",),
        "weight_unit": ("WeightUnitVal",),
        "born_on": ("DOB",),
        "died_on": ("DOD",),
        "rabies_tag": ("RabiesTagNum",),
        "microchip": ("Microchip",),
        "tattoo": ("Tatoo", "Tattoo"),
        "inactive": ("flgInactive", "Inactive"),
        "deceased": ("flgDeceased", "IsDeceased"),
        "deleted": ("flgDeleted", "Deleted", "IsDeleted"),
        "suspend_reminders": ("flgSuspendReminders", "SuspendReminders"),
    },
    # A renamed column must not blank every name: those that a portal cannot do without have to be there.
    required=("id", "client_id", "name", "species"),
)

_SPECIES = {
    **dict.fromkeys(("canine", "dog", "k9"), "dog"),
    **dict.fromkeys(("feline", "cat"), "cat"),
    **dict.fromkeys(("avian", "bird"), "bird"),
    **dict.fromkeys(("lagomorph", "rabbit"), "rabbit"),
    **dict.fromkeys(("rodent", "guinea pig", "hamster", "rat", "mouse", "gerbil", "chinchilla"), "rodent"),
    **dict.fromkeys(("reptile", "snake", "lizard", "turtle", "tortoise"), "reptile"),
    **dict.fromkeys(("equine", "horse"), "horse"),
    **dict.fromkeys(("caprine", "goat"), "goat"),
    **dict.fromkeys(("porcine", "pig"), "pig"),
    **dict.fromkeys(("bovine", "cow"), "cow"),
    **dict.fromkeys(("ovine", "sheep"), "sheep"),
    "ferret": "ferret",
}

_SEXES: dict[str, Sex] = {
    # F and M are also what is entered when nobody asked: "intact" would claim more than the record says.
    **dict.fromkeys(("f", "female"), ("F", "unknown")),
    **dict.fromkeys(("m", "male"), ("M", "unknown")),
    **dict.fromkeys(("s", "fs", "sf", "spayed", "spayed female", "female spayed"), ("F", "yes")),
    **dict.fromkeys(("n", "c", "mn", "nm", "mc", "cm", "neutered", "castrated"), ("M", "yes")),
    **dict.fromkeys(("neutered male", "male neutered", "castrated male", "male castrated"), ("M", "yes")),
    **dict.fromkeys(("fi", "intact female", "female intact"), ("F", "no")),
    **dict.fromkeys(("mi", "intact male", "male intact"), ("M", "no")),
}

_PHONE_KINDS: dict[str, ContactKind] = {
    **dict.fromkeys(("c", "cell", "cellular", "m", "mobile"), "mobile"),
    **dict.fromkeys(("h", "home"), "home"),
    **dict.fromkeys(("w", "work", "business", "office"), "work"),
    **dict.fromkeys(("f", "fax"), "fax"),
}

_CLIENT_KINDS: dict[str, ClientKind] = {
    **dict.fromkeys(("c", "client", "owner"), "owner"),
    **dict.fromkeys(("e", "employee", "staff"), "staff"),
    **dict.fromkeys(("d", "r", "doctor", "referral", "referring", "vet", "veterinarian"), "vet"),
    **dict.fromkeys(("s", "v", "supplier", "vendor"), "supplier"),
}

AVIMARK = Profile(
    vendor="avimark",
    layouts={"client": _CLIENT, "patient": _PATIENT},
    species=_SPECIES,
    sexes=_SEXES,
    phone_kinds=_PHONE_KINDS,
    client_kinds=_CLIENT_KINDS,
    fallback_encoding="cp1252",
)
