"""Runs that were made before records were kept get theirs: state, time, parameters and metrics, as they stand on the run."""

from django.db import migrations


def fill(apps, schema_editor):
    """One record for each run, with its metrics; trials of searches that are over keep to their own page."""
    Run, Record = (apps.get_model("experiments", name) for name in ("Run", "RunRecord"))
    Key, Metric, Text = (apps.get_model("experiments", name) for name in ("RunKey", "RunMetric", "RunText"))
    heavy = ("evaluation", "environment", "verdicts")
    for run in Run._base_manager.filter(record=None).defer(*heavy).iterator(chunk_size=200):
        seconds = (run.finished_at - run.created_at).total_seconds() if run.finished_at else None
        record = Record._base_manager.create(
            project_id=run.project_id, number=run.number, run_id=run.pk, data_id=run.data_id, state=run.state,
            method=run.method, cause=run.cause, created_by_id=run.created_by_id, created_at=run.created_at,
            finished_at=run.finished_at, deleted_at=run.deleted_at, seconds=seconds,
        )  # fmt: skip
        at = round((run.finished_at or run.created_at).timestamp() * 1000)
        for name, found in run.metrics.items():
            value = found.get("value") if isinstance(found, dict) else None
            if value is None or len(name) > 250 or ("@" in name and not name.startswith("gap of ")):
                continue
            key, _ = Key._base_manager.get_or_create(project_id=run.project_id, kind="metric", name=name)
            Metric._base_manager.create(
                record_id=record.pk, key_id=key.pk, last=value, at=at, low=value, low_step=0, high=value, high_step=0
            )
        if run.method:
            key, _ = Key._base_manager.get_or_create(project_id=run.project_id, kind="param", name="method")
            Text._base_manager.create(record_id=record.pk, key_id=key.pk, value=run.method)


class Migration(migrations.Migration):
    dependencies = [("experiments", "0004_records")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
