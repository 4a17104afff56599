"""What names of columns say of their roles, in the languages that exports are written in.

A name is a list of words, whatever case, underscores or brackets it is written with; it speaks for a role by being, by
ending with or by holding one of the role's phrases. What a column holds is judged elsewhere (`roles`): a name alone
settles nothing that the cells contradict.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[^\w]+|_+")
_UNSPACED = "\u3000"  # from which scripts write words without spaces between them

# The phrases of each role, the surest first.
ITEM_PHRASES: Mapping[str, Sequence[str]] = {
    "item_id": (
        "item id", "itemid", "id", "sku", "asin", "parent asin", "variant id", "variant sku", "product id", "productid",
        "article id", "movie id", "movieid", "book id", "game id",
        "app id", "appid", "track id", "track uri", "song id", "artist id", "business id", "recipe id", "news id",
        "anime id", "job id", "post id", "stock code", "stockcode", "identifier", "product number", "product sku",
        "handle", "item", "product", "artikelnummer", "artikel nr", "artikelnr", "artikel id", "produkt id",
        "produktnummer",
        "reference", "reference produit", "ref", "codigo", "id producto", "code", "codice", "kod", "artnr",
        "article number", "item number", "product code", "артикул", "код товара", "код", "商品コード", "商品id",
        "商品番号", "品番", "商品编号", "商品编码", "isbn", "ean", "gtin", "uid",
    ),
    "title": (
        "title", "name", "item name", "prod name", "product name", "product title", "item title", "display name",
        "titel", "bezeichnung", "produktname",
        "artikelname", "artikelbezeichnung", "nom", "titre", "designation", "nombre", "titulo", "nome", "naam", "nazwa",
        "namn", "navn",
        "business name", "app name", "track name", "song", "movie title", "book title", "label", "headline", "caption",
        "nazev", "isim", "libelle", "intitule", "denominacion", "denominazione", "omschrijving kort", "tytul", "nimi",
        "benaming", "benamning", "название", "наименование", "名称", "商品名", "标题", "タイトル",
    ),
    "text": (
        "text", "description", "detail desc", "desc", "summary", "overview", "plot", "body", "body html", "abstract",
        "synopsis",
        "beschreibung", "kurzbeschreibung", "produktbeschreibung", "descripcion", "descricao", "descrizione",
        "omschrijving", "beschrijving", "opis", "beskrivning", "beskrivelse", "popis", "kuvaus", "descrizione prodotto",
        "long description", "short description", "details", "content", "описание", "説明", "描述", "商品描述",
    ),
    "image": (
        "image", "image path", "image file", "image link", "image src", "image url", "img", "imgurl", "imurl",
        "picture", "photo", "images", "pictures", "photos",
        "poster", "poster path", "cover", "thumbnail", "bild", "bilder", "foto", "fotos", "imagen", "imagenes",
        "imagem", "immagine", "afbeelding", "obrazek", "bild url", "изображение", "фото", "画像", "图片", "media",
    ),
    "audio": ("audio", "audio path", "audio file", "sound", "preview", "preview url"),
    "video": ("video", "video link", "video url", "trailer"),
    "link": ("link", "url", "product url", "product link", "permalink", "page", "webpage", "produktlink", "lien",
    "enlace", "ссылка"),
    "price": (
        "price", "sale price", "unit price", "unitprice", "current price", "final price", "our price", "selling price",
        "discounted price", "special price", "price eur", "price usd",
        "preis", "angebotspreis", "verkaufspreis", "einzelpreis", "prix", "precio", "preco", "prezzo", "prijs", "cena",
        "pris", "fiyat", "цена", "価格", "単価", "价格", "售价", "pricing", "uvp", "msrp", "rrp", "amount", "cost",
        "vk", "vk preis", "vk brutto", "pvp", "hinta", "pret", "cijena", "ar", "τιμη",
    ),
    "stock": (
        "stock", "stock quantity", "inventory", "inventory quantity", "variant inventory qty", "quantity", "qty",
        "stock level", "in stock quantity", "lagerbestand", "bestand", "existencias", "voorraad",
        "quantite", "cantidad", "stan magazynowy", "остаток", "在庫", "在庫数", "库存",
    ),
    "price_upper": ("price upper", "max price", "price max", "highest price", "high price", "maximum price"),
    "currency": ("currency", "currency code", "wahrung", "waehrung", "devise", "moneda", "valuta"),
    "availability": (
        "availability", "available", "in stock", "is in stock", "stock status", "is available", "verfugbarkeit",
        "verfuegbarkeit", "disponibilite", "disponibilidad", "lagerstatus",
    ),
}  # fmt: skip
EVENT_PHRASES: Mapping[str, Sequence[str]] = {
    "user_id": (
        "user id", "userid", "user", "customer id", "customerid", "reviewer id", "reviewerid", "visitor id",
        "visitorid", "client id", "member id", "profile id",
        "account id", "uid", "session id", "sessionid", "session", "username", "user name", "customer", "client",
        "person", "playlist id", "pid", "reviewer", "kunde", "kunden id", "kundennummer", "kundennr", "nutzer",
        "klant", "klant id", "klantnummer", "klantnr", "kund", "kundnr", "bruker", "uzytkownik", "zakaznik", "utente",
        "id utente", "id usuario", "acheteur", "comprador", "household", "household key", "household id", "steamid",
        "benutzer", "utilisateur", "id client", "usuario", "cliente", "id cliente", "klient", "gebruiker", "email",
        "пользователь", "покупатель", "клиент", "customer email", "user email", "e mail", "guest id", "guest",
        "patron id", "patron", "member", "member number", "borrower", "reader id", "reader", "subscriber id",
        "listener", "viewer id", "visitor", "shopper id", "buyer id", "buyer", "applicant id", "applicant",
        "candidate id", "user pseudo id", "who", "顧客id", "会員id", "ユーザーid", "用户id", "客户id",
    ),
    # A bare id among events is likely to be the event's own, and a uid the user's.
    "item_id": (
        *(phrase for phrase in ITEM_PHRASES["item_id"] if phrase not in ("id", "uid")),
        "track", "track name", "song", "movie", "book", "paper", "product name", "item name", "title", "name", "id",
    ),
    "timestamp": (
        "timestamp", "time", "unix review time", "unixreviewtime", "datetime", "date", "t dat", "day", "created at",
        "event time", "time stamp", "date time", "invoice date", "invoicedate",
        "order date", "purchase date", "purchased at", "reviewed at", "rated at", "ordered at", "when", "ts",
        "review time", "date added", "datum", "zeit", "zeitpunkt", "zeitstempel", "bestelldatum", "heure", "fecha",
        "data", "tarih", "дата", "date de commande", "fecha pedido",
        "data zamowienia", "data ordine", "besteldatum", "orderdatum", "dato", "pvm", "czas", "hora", "kaufdatum",
        "date achat", "date commande", "tijd", "moment", "checkout date", "borrowed", "read at",
        "listened at", "applied at", "check in", "注文日", "購入日", "日付", "日時", "日期", "时间",
    ),
    "kind": (
        "kind", "event", "event type", "action", "event name", "interaction type", "behavior", "behaviour",
        "behavior type", "type", "ereignis", "aktion", "did", "verb", "status",
    ),
    "rating": (
        "rating", "score", "stars", "overall", "book rating", "user rating", "vote", "bewertung", "note", "puntuacion",
        "valoracion", "grade", "sterne", "is recommended", "recommended", "liked",
    ),
    "quantity": (
        "quantity", "qty", "num items", "menge", "anzahl", "quantite", "cantidad", "units", "quantita", "stuck",
        "qty ordered", "quantity ordered", "ordered quantity", "ilosc", "количество", "数量", "antal", "aantal",
    ),
    "amount": (
        "weight", "count", "plays", "play count", "playcount", "hours", "hours played", "playtime", "playtime forever",
        "watch time", "duration", "listen count", "scrobbles", "frequency", "watch ratio",
    ),
    "feedback": ("feedback",),  # as genrec writes events: 1, 0 or -1
    "part": ("x label", "split", "split label"),
}  # fmt: skip


@lru_cache(maxsize=10_000)
def plain(name: str) -> str:
    """A column's name as lower-case words without accents: 'Variant Price', variantPrice and variant_price are one."""
    name = unicodedata.normalize("NFKD", name.strip().replace("ł", "l").replace("ß", "ss"))
    name = "".join(sign for sign in name if not unicodedata.combining(sign))
    return " ".join(filter(None, _NO_WORD.split(_CAMEL.sub(" ", name)))).casefold()


def speaks_for(name: str, phrases: Sequence[str]) -> float:
    """How surely a name speaks for a role with these phrases, 0 to 1: by being one, by ending with or holding one."""
    words = plain(name)
    joined = words.replace(" ", "")
    best = 0.0
    for rank, spelled in enumerate(phrases):
        sure, phrase = 1 - 0.3 * rank / len(phrases), plain(spelled)
        if words == phrase or joined == phrase.replace(" ", ""):
            return sure
        if f" {words}".endswith(f" {phrase}") or (phrase[:1] >= _UNSPACED and words.endswith(phrase)):
            best = max(best, 0.7 * sure)
        elif f" {words} ".startswith(f" {phrase} "):
            best = max(best, 0.5 * sure)
        elif f" {phrase} " in f" {words} ":
            best = max(best, 0.4 * sure)
    return best
