// What a team might write itself: a POST of gzip'd JSON lines, a transaction each; the later check-in wins.
//
//	plain serve PORT DATABASE CERTIFICATES
//	plain send URL QUEUE CERTIFICATES
//	plain count DATABASE
package main

/*
#cgo LDFLAGS: -lsqlite3
#include <sqlite3.h>

static sqlite3 *database;
static sqlite3_stmt *upsert;

static int run(const char *words) { return sqlite3_exec(database, words, 0, 0, 0); }

static int open_database(const char *path) {
    int code = sqlite3_open(path, &database);
    if (code) return code;
    code = run("pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -65536;"
        "create table if not exists check_in (branch text, person text, date text, at text, location text,"
        " isolation text, note text, tenths integer, symptoms integer, travelled integer, contact integer,"
        " primary key (person, date)) without rowid;");
    if (code) return code;
    return sqlite3_prepare_v2(database, "insert into check_in values (?,?,?,?,?,?,?,?,?,?,?)"
        " on conflict do update set branch = excluded.branch, at = excluded.at,"
        " location = excluded.location, isolation = excluded.isolation, note = excluded.note,"
        " tenths = excluded.tenths, symptoms = excluded.symptoms, travelled = excluded.travelled,"
        " contact = excluded.contact"
        " where (excluded.at, excluded.branch) > (check_in.at, check_in.branch)", -1, &upsert, 0);
}

// Seven texts and four numbers a row; a text goes from where the one before it ends.
static int store(const char *texts, const int *ends, const int *numbers, int rows) {
    if (run("begin immediate")) return 1;
    int start = 0;
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < 7; column++) {
            int end = *ends++;
            sqlite3_bind_text(upsert, column + 1, texts + start, end - start, SQLITE_STATIC);
            start = end;
        }
        for (int column = 0; column < 4; column++) sqlite3_bind_int(upsert, column + 8, *numbers++);
        int code = sqlite3_step(upsert);
        sqlite3_reset(upsert);
        if (code != SQLITE_DONE) {
            run("rollback");
            return 1;
        }
    }
    return run("commit");
}

static int count(void) {
    sqlite3_stmt *question;
    if (sqlite3_prepare_v2(database, "select count(*) from check_in", -1, &question, 0)) return -1;
    int found = sqlite3_step(question) == SQLITE_ROW ? sqlite3_column_int(question, 0) : -1;
    sqlite3_finalize(question);
    return found;
}
*/
import "C"

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"os"
	"sync"
	"time"
	"unsafe"
)

type checkIn struct {
	Branch, Person, Date, At, Location, Isolation, Note string

	Temperature        float64
	Symptoms           int
	Travelled, Contact bool
}

// Rows laid out for one call of C.
type batch struct {
	texts   []byte
	ends    []C.int
	numbers []C.int
	rows    int
}

func flag(isTrue bool) C.int {
	if isTrue {
		return 1
	}
	return 0
}

func (b *batch) add(row checkIn) {
	texts := [...]string{
		row.Branch, row.Person, row.Date, row.At, row.Location, row.Isolation, row.Note,
	}
	for _, text := range texts {
		b.texts = append(b.texts, text...)
		b.ends = append(b.ends, C.int(len(b.texts)))
	}
	tenths := C.int(math.Round(row.Temperature * 10))
	b.numbers = append(b.numbers, tenths, C.int(row.Symptoms), flag(row.Travelled), flag(row.Contact))
	b.rows++
}

func read(body io.Reader) (*batch, error) {
	lines, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	rows := &batch{}
	for decoder := json.NewDecoder(lines); ; {
		var row checkIn
		err := decoder.Decode(&row)
		if errors.Is(err, io.EOF) && rows.rows > 0 {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows.add(row)
	}
}

var writing sync.Mutex

func post(answer http.ResponseWriter, request *http.Request) {
	rows, err := read(request.Body)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	writing.Lock()
	defer writing.Unlock()
	texts := (*C.char)(unsafe.Pointer(&rows.texts[0]))
	if C.store(texts, &rows.ends[0], &rows.numbers[0], C.int(rows.rows)) != 0 {
		http.Error(answer, "not stored", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(answer, `{"stored":%d}`, rows.rows)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func open(path string) {
	if code := C.open_database(C.CString(path)); code != 0 {
		log.Fatal("SQLite says ", code)
	}
}

func secured(folder, name string) *tls.Config {
	own, err := tls.LoadX509KeyPair(folder+"/"+name+".pem", folder+"/"+name+".key")
	must(err)
	authority, err := os.ReadFile(folder + "/ca.pem")
	must(err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	return &tls.Config{
		Certificates: []tls.Certificate{own}, RootCAs: trusted, ClientCAs: trusted,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}
}

func serve(port, database, certificates string) {
	open(database)
	http.HandleFunc("/check-ins", post)
	server := &http.Server{Addr: "127.0.0.1:" + port, TLSConfig: secured(certificates, "server")}
	// A probe that only connects is nobody's mistake.
	server.ErrorLog = log.New(io.Discard, "", 0)
	must(server.ListenAndServeTLS("", ""))
}

func send(url, queue, certificates string) {
	data, err := os.ReadFile(queue)
	must(err)
	transport := &http.Transport{
		TLSClientConfig: secured(certificates, "client"), ForceAttemptHTTP2: true, DisableCompression: true,
	}
	client := &http.Client{Transport: transport}
	start := time.Now()
	stored := 0
	for len(data) > 0 {
		size := binary.BigEndian.Uint32(data)
		stored += deliver(client, url+"/check-ins", data[4:4+size])
		data = data[4+size:]
	}
	fmt.Printf("{\"stored\":%d,\"seconds\":%.6f}\n", stored, time.Since(start).Seconds())
}

func deliver(client *http.Client, url string, body []byte) int {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	must(err)
	request.Header.Set("Content-Type", "application/jsonlines")
	request.Header.Set("Content-Encoding", "gzip")
	answer, err := client.Do(request)
	must(err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	must(err)
	if answer.StatusCode != http.StatusOK {
		log.Fatal(answer.Status, ": ", string(said))
	}
	var receipt struct{ Stored int }
	must(json.Unmarshal(said, &receipt))
	return receipt.Stored
}

func main() {
	words := os.Args[1:]
	switch {
	case len(words) == 4 && words[0] == "serve":
		serve(words[1], words[2], words[3])
	case len(words) == 4 && words[0] == "send":
		send(words[1], words[2], words[3])
	case len(words) == 2 && words[0] == "count":
		open(words[1])
		fmt.Println(C.count())
	default:
		log.Fatal("plain serve PORT DATABASE CERTIFICATES | send URL QUEUE CERTIFICATES | count DATABASE")
	}
}
