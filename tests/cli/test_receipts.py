"""`vitalkeep receipts verify`: a receipt is checked with the published keys and nothing else."""

import json
from pathlib import Path

from tests.cli.commands import call, refusal, run_json
from tests.consents.test_receipts import collecting, receipt_of
from tests.make import Make


async def test_a_receipt_is_good_until_it_is_touched(make: Make, tmp_path: Path) -> None:
    person, consent_id = await collecting(make)
    receipt = await receipt_of(person, consent_id)
    (tmp_path / "jwks.json").write_text((await make.client.get("/.well-known/jwks.json")).text)
    file, keys = tmp_path / "receipt.json", ("--jwks", tmp_path / "jwks.json")
    file.write_text(json.dumps(receipt, indent=2, ensure_ascii=False))
    assert run_json("receipts", "verify", file, *keys) == {"valid": True, **receipt["content"]}
    receipt["content"]["record"]["state"] = "withdrawn"
    file.write_text(json.dumps(receipt))
    assert "the receipt was changed" in refusal(call("receipts", "verify", file, *keys))
    file.write_text("{")
    assert "does not hold a receipt" in refusal(call("receipts", "verify", file, *keys))
    file.write_text("[]")
    assert "not a receipt" in refusal(call("receipts", "verify", file, *keys))
