"""The API of referral-svc, whose claims on idempotency keys run out after a second: a test need not wait for 30."""

from datetime import timedelta

from referral.main import build
from referral.settings import ReferralSettings
from shared.chassis import idempotency_store
from shared.chassis.api_app import serve

if __name__ == "__main__":
    idempotency_store.LEASE = timedelta(seconds=1)
    settings = ReferralSettings()
    serve(lambda: build(settings), settings)
