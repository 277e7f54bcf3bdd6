"""The peers of `benchmarks.prediction`, run by the Python of an environment that has mlflow, fastapi and pandas.

python _peers.py train TABLE METHOD FOLDER     fits the same pipeline and saves it for both
python _peers.py fastapi FOLDER PORT           serves it with FastAPI and pandas
"""

import sys


def train(table: str, method: str, folder: str) -> None:
    """The pipeline of the benchmark as scikit-learn users write it: named columns of a data frame."""
    import joblib
    import mlflow.sklearn
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pd.read_json(table, orient="records", lines=True)
    truth = frame.pop("left") == "yes"
    numbers = [name for name in frame if name.startswith("number")]
    words = [name for name in frame if name.startswith("word")]
    fill = SimpleImputer(strategy="constant", fill_value="")
    encode = make_pipeline(fill, OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    scale = (
        StandardScaler() if method == "boosted" else make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    )
    made = {
        "logistic": LogisticRegression(max_iter=1000),
        "boosted": HistGradientBoostingClassifier(max_iter=150, max_leaf_nodes=15, learning_rate=0.06),
        "forest": RandomForestClassifier(200, min_samples_leaf=5, max_features=0.3),
    }[method]
    model = make_pipeline(ColumnTransformer([("n", scale, numbers), ("w", encode, words)]), made)
    frame[words] = frame[words].astype(object).where(frame[words].notna(), "")
    model.fit(frame, truth)
    joblib.dump(model, f"{folder}/model.joblib")
    mlflow.sklearn.save_model(
        model, f"{folder}/mlflow", serialization_format="cloudpickle", pyfunc_predict_fn="predict_proba"
    )


def fastapi(folder: str, port: str) -> None:
    """The usual dozen lines."""
    import joblib
    import pandas as pd
    import uvicorn
    from fastapi import FastAPI, Request

    model, app = joblib.load(f"{folder}/model.joblib"), FastAPI()

    @app.post("/predict")
    async def predict(request: Request) -> dict:  # type: ignore[type-arg]
        frame = pd.DataFrame((await request.json())["rows"])
        return {"predictions": model.predict_proba(frame)[:, 1].tolist()}

    uvicorn.run(app, port=int(port), log_level="error")


if __name__ == "__main__":
    {"train": train, "fastapi": fastapi}[sys.argv[1]](*sys.argv[2:])
