"""How tests read a list."""


def names(client, **query):
    answer = client.get("/Users", **query)
    assert answer.status_code == 200, answer.content
    return [one["userName"] for one in answer.json()["Resources"]]
