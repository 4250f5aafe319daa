from datetime import date

from referral.projections.referral_case import ReferralCase, referral_cases
from shared.events import referral as events
from shared.events.referral import ListedDocument, ReferredClient, ReferredPatient
from shared.testing.clocks import NOON
from shared.testing.projection_spec import ProjectionSpec

spec = ProjectionSpec(referral_cases)
CLIENT = ReferredClient(name="Ada Moss", phone="555 0100")
PATIENT = ReferredPatient(name="Rex", species="dog", born_on=date(2019, 5, 1))
DOCUMENTS = (ListedDocument(position=1, kind="lab_result", title="Blood count"),)
submitted = events.ReferralSubmitted(
    clinic_id="elm",
    referral_id="c1",
    referring_vet_id="vet-1",
    client=CLIENT,
    patient=PATIENT,
    history="Coughs since May.",
    clinical_signs="Heart murmur.",
    documents=DOCUMENTS,
    submitted_at=NOON,
)
accepted = events.ReferralAccepted(clinic_id="elm", referral_id="c1", accepted_by="specialist-1", accepted_at=NOON)
declined = events.ReferralDeclined(
    clinic_id="elm", referral_id="c1", declined_by="specialist-1", reason="Full.", declined_at=NOON
)
case = ReferralCase(
    referral_id="c1",
    referring_vet_id="vet-1",
    client=CLIENT,
    patient=PATIENT,
    history="Coughs since May.",
    clinical_signs="Heart murmur.",
    documents=DOCUMENTS,
    submitted_at=NOON,
)


def test_r5_the_case_shows_what_was_submitted() -> None:
    spec.given(submitted).then(case)


def test_r13_the_case_shows_the_answer() -> None:
    spec.given(submitted, accepted).then_fields(status="accepted", answered_at=NOON, decline_reason=None)
    spec.given(submitted, declined).then_fields(status="declined", answered_at=NOON, decline_reason="Full.")


def test_a_case_of_an_erased_person_has_no_client() -> None:
    spec.given(submitted.model_copy(update={"client": None})).then(case.model_copy(update={"client": None}))


def test_an_answer_to_an_unknown_case_is_no_document() -> None:
    spec.given(accepted).then(None)
